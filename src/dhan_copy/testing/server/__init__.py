"""A local server that speaks Dhan's REST and order-update dialects, written from the protocol alone."""

from dhan_copy.testing.server.accounts import ServerAccount
from dhan_copy.testing.server.dialect import Dialect
from dhan_copy.testing.server.faults import Action, HttpFault
from dhan_copy.testing.server.local import DhanServer, Pushed

__all__ = ["Action", "DhanServer", "Dialect", "HttpFault", "Pushed", "ServerAccount"]
