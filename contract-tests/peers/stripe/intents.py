"""Payment intents and refunds as Stripe's documentation describes them, where localstripe is simpler.

Added here: a confirmation that names its method, off-session confirmations, pages to authenticate on, descriptions,
codes of refusals, decline codes, debits that are pending at first, the three sums of an intent and its charge, bounds of captures and refunds, reasons.
"""

from localstripe import resources
from localstripe.errors import UserError

Charge, Method, Refund = resources.Charge, resources.PaymentMethod, resources.Refund
Intent = resources.PaymentIntent

_MOST = 99_999_999
# What Stripe's own test methods are called, by what they do.
_TEST_METHODS = {
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_authenticationRequired": "4000002760003184",
}
_DECLINES = {"4000000000009995": "insufficient_funds", "4000000000000002": "generic_decline"}
_REASONS = (None, "requested_by_customer", "duplicate", "fraudulent")


class Refused(UserError):
    """An error with its code, its parameter and whatever else is known."""

    def __init__(self, status, code=None, kind="invalid_request_error", **more):
        super().__init__(status, "refused by the peer")
        self.body["error"].update(more, type=kind)
        if code:
            self.body["error"]["code"] = code


def wrong_state():
    return Refused(400, "payment_intent_unexpected_state")


def number(method):
    return getattr(method, "_card_number", None)


def canonical(cls, id, plain=Method._try_get_canonical_test_article):
    if id not in _TEST_METHODS:
        return plain(id)
    card = {"number": _TEST_METHODS[id], "exp_month": "12", "exp_year": "2040", "cvc": "123"}
    return cls(type="card", card=card)


def is_declined(method, plain=Method._charging_is_declined):
    return number(method) in _DECLINES or plain(method)


def set_failure(charge, plain=Charge._set_auth_failure):
    plain(charge)
    method = Method._api_retrieve(charge.payment_method)
    charge._decline_code = _DECLINES.get(number(method), "generic_decline")


def raise_failure(charge):
    raise Refused(402, "card_declined", "card_error", decline_code=charge._decline_code, charge=charge.id)


def trigger(charge, on_success=None, plain=Charge._trigger_payment):
    if charge._is_async_payment_method():
        charge.status = "pending"
    plain(charge, on_success)


def amount_captured(charge):
    if charge.status != "succeeded" or not charge.captured:
        return 0
    return getattr(charge, "_taken", charge.amount)


def amount_received(intent):
    return amount_captured(intent.latest_charge) if intent.status == "succeeded" else 0


def amount_capturable(intent):
    return intent.amount if intent.status == "requires_capture" else 0


def last_payment_error(intent, plain=Intent.last_payment_error.fget):
    error = getattr(intent, "_refusal", None) or plain(intent)
    if error and intent.latest_charge and intent.latest_charge.status == "failed":
        error["decline_code"] = intent.latest_charge._decline_code
    return error


def attempt(intent, method, off_session, return_url):
    """Authorises with a method, or finds out that the customer must authenticate first."""
    intent.payment_method = method
    intent.latest_charge = intent.next_action = intent._refusal = None
    if off_session == "true" and Method._api_retrieve(method)._requires_authentication():
        intent.payment_method = None
        intent._refusal = {"type": "card_error", "code": "authentication_required"}
        raise Refused(402, "authentication_required", "card_error", decline_code="authentication_required")
    intent._confirm(on_failure_now=intent._report_failure)
    if intent.next_action and return_url:
        page = "https://hooks.stripe.invalid/3d_secure/" + intent.id
        redirect = {"url": page, "return_url": return_url}
        intent.next_action = {"type": "redirect_to_url", "redirect_to_url": redirect}


def create(cls, confirm=None, off_session=None, return_url=None, description=None, payment_method=None, **data):
    if int(data.get("amount") or 0) > _MOST:
        raise Refused(400, "amount_too_large", param="amount")
    if payment_method is not None:
        Method._api_retrieve(payment_method)
    intent = cls(**data)
    intent.description = description
    if confirm == "true":
        attempt(intent, payment_method, off_session, return_url)
    else:
        intent.payment_method = payment_method
    return intent


def confirm(id=None, payment_method=None, off_session=None, return_url=None):
    intent = Intent._api_retrieve(id)
    if intent.status not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        raise wrong_state()
    if payment_method is None and intent.status == "requires_payment_method":
        raise wrong_state()
    attempt(intent, payment_method or intent.payment_method, off_session, return_url)
    return intent


def capture(id=None, amount_to_capture=None):
    intent = Intent._api_retrieve(id)
    if intent.status != "requires_capture":
        raise wrong_state()
    amount = int(amount_to_capture or intent.amount)
    if amount > intent.amount:
        raise Refused(400, "amount_too_large", param="amount_to_capture")
    intent.latest_charge._taken = amount
    intent.latest_charge._capture(amount=amount, on_success=intent._on_success)
    return intent


def cancel(id=None):
    intent = Intent._api_retrieve(id)
    if intent.status in ("processing", "succeeded", "canceled"):
        raise wrong_state()
    return Intent._api_cancel(id)


def refund(cls, payment_intent=None, amount=None, reason=None, **data):
    if reason not in _REASONS:
        raise Refused(400, param="reason")
    intent = Intent._api_retrieve(payment_intent)
    if intent.status != "succeeded":
        raise wrong_state()
    # What a capture of a part has released counts as refunded.
    left = intent.latest_charge.amount - intent.latest_charge.amount_refunded
    if left == 0:
        raise Refused(400, "charge_already_refunded")
    if amount is not None and int(amount) > left:
        raise Refused(400, param="amount")
    made = cls(payment_intent=payment_intent, amount=amount or left, **data)
    made.reason = reason
    return made


def install():
    """Puts all that in place. To be called before localstripe's routes are made."""
    Method._try_get_canonical_test_article = classmethod(canonical)
    Method._charging_is_declined = is_declined
    Charge._set_auth_failure = set_failure
    Charge._raise_failure = raise_failure
    Charge._trigger_payment = trigger
    Charge.amount_captured = property(amount_captured)
    Intent.amount_received = property(amount_received)
    Intent.amount_capturable = property(amount_capturable)
    Intent.last_payment_error = property(last_payment_error)
    Intent._api_create = classmethod(create)
    Refund._api_create = classmethod(refund)
    routes = {"confirm": confirm, "capture": capture, "cancel": cancel}
    ours = {"/v1/payment_intents/{id}/" + name: function for name, function in routes.items()}
    resources.extra_apis[:] = [(method, url, ours.get(url, plain)) for method, url, plain in resources.extra_apis]
