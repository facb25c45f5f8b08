"""The store: one SQLite database per host, shared by all inputs of the add-on.

``database`` opens it and gives out transactions; most other modules, say ``inbox``, ``queue``,
``ledger``, ``leases`` and ``athletes``, are functions that take an open transaction, so that whoever composes them sees
what is atomic.
"""
