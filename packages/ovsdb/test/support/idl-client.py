"""A client made with the Python IDL of the original.

Takes commands as JSON lines on its standard input, `{"op": NAME, ...}`, and answers each with one line: what the method
`do_NAME` returns.

usage: idl-client.py REMOTE SCHEMA_FILE leader|any
"""
import json
import sys
import time

sys.path.insert(0, "/usr/lib/python3/dist-packages")

import ovs.db.idl  # noqa: E402
import ovs.poller  # noqa: E402


class Client:
    def __init__(self, remote, schema, leader_only):
        helper = ovs.db.idl.SchemaHelper(None, json.loads(schema))
        helper.register_all()
        self.idl = ovs.db.idl.Idl(remote, helper, leader_only=leader_only)

    def wait(self, is_reached, seconds=20):
        end = time.time() + seconds
        while not is_reached():
            if time.time() > end:
                return False
            self.idl.run()
            if is_reached():
                return True
            poller = ovs.poller.Poller()
            self.idl.wait(poller)
            poller.timer_wait(50)
            poller.block()
        return True

    def commit(self, change):
        txn = ovs.db.idl.Transaction(self.idl)
        txn.add_comment("python")
        made = change(txn)
        status = txn.commit_block()
        uuid = None
        if made is not None and status == ovs.db.idl.Transaction.SUCCESS:
            uuid = str(txn.get_insert_uuid(made.uuid))
        return {"status": status, "uuid": uuid, "error": txn.get_error() if status == "error" else None}

    def row_named(self, table, name):
        return next(row for row in self.idl.tables[table].rows.values() if row.name == name)

    def values(self, table, column):
        return sorted(plain(getattr(row, column)) for row in self.idl.tables[table].rows.values())

    def do_rows(self, table, column):
        self.idl.run()
        return self.values(table, column)

    def do_add(self, table, row):
        def change(txn):
            made = txn.insert(self.idl.tables[table])
            for column, value in row.items():
                setattr(made, column, value)
            return made

        return self.commit(change)

    def do_adopt(self, name, kid):
        """Inserts a Kid and refers to it from a Root of that name, in one transaction."""

        def change(txn):
            made = txn.insert(self.idl.tables["Kid"])
            made.name = kid
            self.row_named("Root", name).addvalue("kids", made)
            return made

        return self.commit(change)

    def do_set(self, table, name, row):
        def change(_txn):
            found = self.row_named(table, name)
            for column, value in row.items():
                found.verify(column)
                setattr(found, column, value)

        return self.commit(change)

    def do_setkey(self, name, key, value):
        return self.commit(lambda _txn: self.row_named("Root", name).setkey("m", key, value))

    def do_increment(self, name):
        """Counts a change of the row; the IDL counts no transaction that changes nothing else."""

        def change(_txn):
            found = self.row_named("Root", name)
            found.r = 3.5
            found.increment("eph")

        return self.commit(change)

    def do_delete(self, table, name):
        return self.commit(lambda _txn: self.row_named(table, name).delete())

    def do_condition(self, table, clauses):
        # The number that cond_change returns is one too high in 3.1.
        before = self.idl.cond_seqno
        self.idl.cond_change(table, clauses)
        return self.wait(lambda: self.idl.cond_seqno > before)

    def do_lock(self, name, seconds):
        self.idl.set_lock(name)
        held = self.wait(lambda: self.idl.has_lock, seconds)
        return {"held": held, "contended": self.idl.is_lock_contended}

    def do_unlock(self):
        self.idl.set_lock(None)
        return self.wait(lambda: not self.idl.has_lock, 5)

    def do_until(self, table, column, value):
        return self.wait(lambda: value in self.values(table, column))

    def do_gone(self, table, column, value):
        return self.wait(lambda: value not in self.values(table, column))

    def do_connected(self):
        return self.wait(self.idl.has_ever_connected)

    def do_kids(self, name):
        """The names of a row's kids, through references that the IDL resolved."""
        return sorted(kid.name for kid in self.row_named("Root", name).kids)


def plain(value):
    return value if isinstance(value, (str, int, float)) else [plain(one) for one in value]


def main():
    remote, schema, leader_only = sys.argv[1], open(sys.argv[2]).read(), sys.argv[3] == "leader"
    client = Client(remote, schema, leader_only)
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("op")
        print(json.dumps(getattr(client, "do_" + name)(**command)), flush=True)


main()
