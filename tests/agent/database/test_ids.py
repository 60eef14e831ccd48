import uuid

from agent.ids import new_id


def test_ids_are_uuids_that_sort_in_the_order_they_were_made() -> None:
    ids = [new_id() for _ in range(20_000)]

    assert ids == sorted(set(ids))
    assert {uuid.UUID(one).version for one in ids} == {7}
