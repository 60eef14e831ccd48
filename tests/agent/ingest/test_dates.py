from datetime import date

import pytest

from agent.ingest.dates import date_in_name, leading_date, read_date

MAY_12 = date(2024, 5, 12)


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("2024-05-12 Replaced the pump", MAY_12),
        ("2024/05/12: replaced", MAY_12),
        ("12 May 2024", MAY_12),
        ("12 May 2024 – replaced the pump", MAY_12),
        ("May 12, 2024 Replaced", MAY_12),
        ("Sunday, 12th of May 2024", MAY_12),
        ("12 de mayo de 2024: cambio de bomba", MAY_12),
        ("Domingo 12 de mayo del 2024", MAY_12),
        ("3 de setiembre de 2023", date(2023, 9, 3)),
        ("12.05.2024 Pumpe", MAY_12),
        ("25/12/2024 Christmas", date(2024, 12, 25)),
        ("12/25/2024 Christmas", date(2024, 12, 25)),
        ("12/05/2024 could be either", None),
        ("31 February 2024 is no day", None),
        ("12 Foo 2024", None),
        ("May 2024 names no day", None),
        ("2024 budget", None),
        ("1.2.3.4 is an address", None),
        ("2024-05-123", None),
        ("The 12 May 2024 meeting", None),
        ("", None),
    ],
)
def test_a_heading_gives_the_full_date_that_it_begins_with(heading: str, expected: date | None) -> None:
    assert leading_date(heading) == expected


@pytest.mark.parametrize(
    ("value", "day_first", "expected"),
    [
        ("2024-05-12", False, MAY_12),
        ("2024-05-12T10:30:00+02:00", False, MAY_12),
        ("2024-05-12 10:30", False, MAY_12),
        ("12/05/2024", True, MAY_12),
        ("12/05/2024", False, None),
        ("12 May 2024 or so", False, None),
        ("soon", False, None),
    ],
)
def test_a_value_is_a_date_as_a_whole(value: str, day_first: bool, expected: date | None) -> None:
    assert read_date(value, day_first=day_first) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2024-05-12 pump.md", MAY_12),
        ("pump_2024_05_12.txt", MAY_12),
        ("invoice 12024-05-12.pdf", None),
        ("2024-13-40.txt", None),
        ("notes.txt", None),
    ],
)
def test_a_file_name_may_hold_an_iso_date(name: str, expected: date | None) -> None:
    assert date_in_name(name) == expected
