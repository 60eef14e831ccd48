import uuid

import uuid_utils

from agent.ids import id_of, new_id


def test_ids_are_uuids_that_sort_in_the_order_they_were_made() -> None:
    ids = [new_id() for _ in range(20_000)]

    assert ids == sorted(set(ids))
    assert {uuid.UUID(one).version for one in ids} == {7}


def test_an_id_of_a_moment_and_a_key_is_always_the_same_and_sorts_by_its_moment() -> None:
    moment = 1_764_000_000_000
    ids = [id_of(moment + later, f"key {later % 7}") for later in range(1000)]

    assert ids == [id_of(moment + later, f"key {later % 7}") for later in range(1000)]
    assert ids == sorted(set(ids))
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in ids} == {(7, uuid.RFC_4122)}
    assert uuid_utils.UUID(ids[0]).timestamp == moment
    assert id_of(moment, "a") != id_of(moment, "b")
