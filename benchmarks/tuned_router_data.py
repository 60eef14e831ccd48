"""BANKING77 folded to 20 topics, as a guild would name them.

Which intents lie together was decided on the file to train on alone: those that a linear classifier of words
takes for each other share a topic.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from agent.contracts import Category, Slug
from tuning.datasets.item import Split
from tuning.evaluation.questions import RoutingQuestion

LABELS: Final = 30
"""A category, of which `HELD_BACK` say when to stop."""
HELD_BACK: Final = 6
ASKED: Final = 500
"""Of the 3,080 test questions."""

TOPICS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Topping up": (
            "automatic_top_up",
            "topping_up_by_card",
            "top_up_limits",
            "verify_top_up",
            "pending_top_up",
            "top_up_failed",
            "top_up_reverted",
        ),
        "Paying in": (
            "top_up_by_bank_transfer_charge",
            "top_up_by_card_charge",
            "top_up_by_cash_or_cheque",
            "transfer_into_account",
        ),
        "Balance": (
            "balance_not_updated_after_bank_transfer",
            "balance_not_updated_after_cheque_or_cash_deposit",
        ),
        "Transfers": (
            "transfer_timing",
            "pending_transfer",
            "transfer_not_received_by_recipient",
        ),
        "Transfer trouble": (
            "failed_transfer",
            "declined_transfer",
            "beneficiary_not_allowed",
            "cancel_transfer",
        ),
        "Virtual cards": (
            "getting_virtual_card",
            "get_disposable_virtual_card",
            "disposable_card_limits",
            "virtual_card_not_working",
        ),
        "Ordering a card": (
            "order_physical_card",
            "getting_spare_card",
            "visa_or_mastercard",
        ),
        "Card delivery": (
            "card_arrival",
            "card_delivery_estimate",
            "activate_my_card",
            "card_linking",
        ),
        "PIN and passcode": (
            "change_pin",
            "passcode_forgotten",
            "pin_blocked",
            "get_physical_card",
        ),
        "Card not working": (
            "card_not_working",
            "contactless_not_working",
            "card_about_to_expire",
        ),
        "Lost and stolen": (
            "lost_or_stolen_card",
            "lost_or_stolen_phone",
            "compromised_card",
        ),
        "Identity": (
            "unable_to_verify_identity",
            "verify_my_identity",
            "why_verify_identity",
            "verify_source_of_funds",
        ),
        "Account": (
            "terminate_account",
            "edit_personal_details",
            "age_limit",
            "country_support",
        ),
        "Cash machines": (
            "atm_support",
            "declined_cash_withdrawal",
            "pending_cash_withdrawal",
            "wrong_amount_of_cash_received",
            "cash_withdrawal_not_recognised",
            "card_swallowed",
        ),
        "Fees": (
            "card_payment_fee_charged",
            "cash_withdrawal_charge",
            "transfer_fee_charged",
            "extra_charge_on_statement",
        ),
        "Exchange rates": (
            "exchange_rate",
            "card_payment_wrong_exchange_rate",
            "wrong_exchange_rate_for_cash_withdrawal",
        ),
        "Currencies": (
            "exchange_charge",
            "exchange_via_app",
            "fiat_currency_support",
            "supported_cards_and_currencies",
            "receiving_money",
        ),
        "Card payments": (
            "declined_card_payment",
            "pending_card_payment",
            "card_acceptance",
            "apple_pay_or_google_pay",
        ),
        "Unknown payments": (
            "card_payment_not_recognised",
            "direct_debit_payment_not_recognised",
            "transaction_charged_twice",
        ),
        "Refunds": (
            "request_refund",
            "Refund_not_showing_up",
            "reverted_card_payment?",
        ),
    }
)


def categories() -> tuple[Category, ...]:
    """In the order in which the router asks for them."""
    found = (Category(slug=Slug(name.lower().replace(" ", "-")), name=name) for name in TOPICS)
    return tuple(sorted(found, key=lambda each: each.slug))


def questions(folder: Path, seed: int) -> tuple[RoutingQuestion, ...]:
    """Draw the labels and the test questions. Those of one seed are the same on any machine."""
    topic_of = {intent: category.slug for category in categories() for intent in TOPICS[category.name]}
    rng = random.Random(seed)
    train = defaultdict[Slug, list[str]](list)
    for text, intent in sorted(_read(folder / "train.csv")):
        train[topic_of[intent]].append(text)
    drawn: list[tuple[str, Slug, Split]] = []
    for topic, texts in sorted(train.items()):
        chosen = rng.sample(texts, LABELS)
        drawn += [(text, topic, Split.VALIDATION) for text in chosen[:HELD_BACK]]
        drawn += [(text, topic, Split.TRAIN) for text in chosen[HELD_BACK:]]
    test = rng.sample(sorted(_read(folder / "test.csv")), ASKED)
    drawn += [(text, topic_of[intent], Split.TEST) for text, intent in test]
    return tuple(
        RoutingQuestion(item=f"{number:05d}", split=split, text=text, right=topic)
        for number, (text, topic, split) in enumerate(drawn)
    )


def _read(path: Path) -> Sequence[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]
