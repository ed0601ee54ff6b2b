"""Tokens tell accounts apart, and are never printed."""

import pytest

from dhan_copy.testing.server.accounts import Accounts, ServerAccount
from dhan_copy.testing.server.answers import DhanError


def accounts() -> Accounts:
    return Accounts((ServerAccount("1", "one"), ServerAccount("2", "two")))


def test_a_token_names_its_account() -> None:
    some = accounts()
    assert (some.whose("one"), some.whose("x"), some.whose(None)) == ("1", None, None)
    assert some.authenticate("two", None, "DH-901") == some.authenticate("two", "2", "DH-901") == "2"
    for token, client_id in (("x", None), (None, None), ("two", "1")):
        with pytest.raises(DhanError, match="DH-901"):
            some.authenticate(token, client_id, "DH-906")


def test_a_replaced_token_is_refused_in_either_way_and_may_come_back() -> None:
    some = accounts()
    some.replace_token("1", "new")
    assert some.whose("new") == "1"
    with pytest.raises(DhanError, match="DH-901"):
        some.authenticate("one", None, "DH-901")
    with pytest.raises(DhanError, match="Invalid Token"):
        some.authenticate("one", None, "DH-906")
    some.replace_token("1", "one")
    assert some.authenticate("one", None, "DH-906") == "1"
    assert [account.access_token for account in some.all()] == ["one", "two"]
    with pytest.raises(KeyError):
        some.replace_token("3", "x")


def test_a_token_is_not_in_the_repr() -> None:
    assert "one" not in repr(ServerAccount("1", "one"))
