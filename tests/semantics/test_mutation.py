"""Header changes of one level: what is removed is gone before any value is made."""

from __future__ import annotations

from ambimigrate.semantics.mutation import Message, Mutation, mutated, without


def test_what_is_removed_of_a_request_no_value_of_that_level_sees() -> None:
    change = Mutation(remove=("X-A",), add=(("x-copy", "%REQ(x-a)%"), ("x-new", "%REQ(x-b)%")))
    headers = (("x-a", "1"), ("x-b", "2"))
    seen = Message(without(headers, change.remove))
    assert mutated(headers, change, seen) == (("x-b", "2"), ("x-new", "2"))


def test_what_is_set_is_not_there_yet_for_other_values() -> None:
    change = Mutation(set=(("x-a", "new"),), add=(("x-copy", "%REQ(x-a)%"),))
    headers = (("x-a", "old"),)
    assert mutated(headers, change, Message(headers)) == (("x-a", "new"), ("x-copy", "old"))
