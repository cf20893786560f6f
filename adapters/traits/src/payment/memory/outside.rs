//! What happens elsewhere: at the customer, at their bank, at the owner's bank.

use std::time::SystemTime;

use super::ledger::absent;
use super::{BankAnswer, Ledger};
use crate::payment::{
    Currency, DisputeId, EventKind, Money, PaymentId, PaymentStatus, Payout, PayoutId, PayoutStatus,
    RefundId, RefundStatus, rules,
};
use crate::{Error, ErrorKind};

impl Ledger {
    /// The customer has tried to authenticate. The payment goes on when it is confirmed.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] unless the payment waits for that, and [`ErrorKind::NotFound`].
    pub fn authenticate(&mut self, id: &PaymentId, succeeded: bool) -> Result<(), Error> {
        let payment = self.payment(id)?;
        if payment.status != PaymentStatus::RequiresAction {
            return Err(rules::invalid_state(payment, "authenticated"));
        }
        self.authenticated.insert(id.clone(), succeeded);
        Ok(())
    }

    /// The bank answers about a payment in processing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] unless the payment waits for that, [`ErrorKind::InvalidInput`] for a further
    /// delay, and [`ErrorKind::NotFound`].
    pub fn settle(&mut self, id: &PaymentId, bank: &BankAnswer, at: SystemTime) -> Result<(), Error> {
        let payment = self.payment(id)?;
        if payment.status != PaymentStatus::Processing {
            return Err(rules::invalid_state(payment, "settled"));
        }
        if *bank == BankAnswer::Delayed {
            return Err(Error::new(ErrorKind::InvalidInput, "a delay does not settle a payment"));
        }
        drop(self.authorise(id, bank, false, at)?);
        Ok(())
    }

    /// The customer disputes a payment.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] unless it has succeeded, and [`ErrorKind::NotFound`].
    pub fn open_dispute(&mut self, id: &PaymentId, at: SystemTime) -> Result<DisputeId, Error> {
        let payment = self.payment(id)?;
        if payment.status != PaymentStatus::Succeeded {
            return Err(rules::invalid_state(payment, "disputed"));
        }
        let dispute = DisputeId::new(self.next_id("dp"));
        self.disputes.insert(dispute.clone(), id.clone());
        self.tell_of_dispute(EventKind::DisputeOpened, &dispute, at)?;
        Ok(dispute)
    }

    /// The bank decides a dispute.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such open dispute.
    pub fn close_dispute(&mut self, id: &DisputeId, at: SystemTime) -> Result<(), Error> {
        self.tell_of_dispute(EventKind::DisputeClosed, id, at)?;
        self.disputes.remove(id);
        Ok(())
    }

    /// The customer's bank does not take a refund, which no longer counts as refunded.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] if it has failed before, and [`ErrorKind::NotFound`].
    pub fn fail_refund(&mut self, id: &RefundId, at: SystemTime) -> Result<(), Error> {
        let refund = self.refunds.get_mut(id).ok_or_else(|| absent("refund", id))?;
        if refund.status == RefundStatus::Failed {
            return Err(Error::new(ErrorKind::InvalidState, format!("the refund {id} has failed before")));
        }
        refund.status = RefundStatus::Failed;
        let (amount, payment) = (refund.amount, refund.payment.clone());
        let payment = self.payment_mut(&payment)?;
        payment.refunded = payment.refunded.minus(amount)?;
        self.tell_of_refund(id, at)
    }

    /// The provider sends money to the account's owner.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an amount that is not positive, [`ErrorKind::InvalidState`] for more than is
    /// on the account.
    pub fn pay_out(&mut self, amount: Money, at: SystemTime) -> Result<PayoutId, Error> {
        rules::positive(amount)?;
        let left = self.balance(amount.currency())?;
        if left.compare(amount)?.is_lt() {
            let why = format!("the account holds {left}, not {amount}");
            return Err(Error::new(ErrorKind::InvalidState, why));
        }
        let id = PayoutId::new(self.next_id("po"));
        self.payouts.insert(id.clone(), Payout::new(id.clone(), amount, PayoutStatus::Pending));
        self.tell_of_payout(&id, at)?;
        Ok(id)
    }

    /// A payout comes further.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] once it is failed or canceled, and [`ErrorKind::NotFound`].
    pub fn advance_payout(
        &mut self,
        id: &PayoutId,
        status: PayoutStatus,
        at: SystemTime,
    ) -> Result<(), Error> {
        let payout = self.payouts.get_mut(id).ok_or_else(|| absent("payout", id))?;
        if matches!(payout.status, PayoutStatus::Failed | PayoutStatus::Canceled) {
            let why = format!("the payout {id} is {} for good", payout.status.as_str());
            return Err(Error::new(ErrorKind::InvalidState, why));
        }
        payout.status = status;
        payout.failure_code = (status == PayoutStatus::Failed).then(|| "account_closed".to_owned());
        payout.arrives = (status == PayoutStatus::Paid).then_some(at);
        self.tell_of_payout(id, at)
    }

    /// What is on the account: captured, not refunded, not paid out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a sum that does not fit 64 bits.
    pub fn balance(&self, currency: Currency) -> Result<Money, Error> {
        let mut left = Money::zero(currency);
        for payment in self.payments.values().filter(|payment| payment.amount.currency() == currency) {
            left = left.plus(payment.captured)?.minus(payment.refunded)?;
        }
        for payout in self.payouts.values().filter(|payout| payout.amount.currency() == currency) {
            if !matches!(payout.status, PayoutStatus::Failed | PayoutStatus::Canceled) {
                left = left.minus(payout.amount)?;
            }
        }
        Ok(left)
    }

    fn tell_of_dispute(&mut self, kind: EventKind, id: &DisputeId, at: SystemTime) -> Result<(), Error> {
        let payment = self.disputes.get(id).ok_or_else(|| absent("open dispute", id))?.clone();
        let amount = self.payment(&payment)?.captured;
        self.tell(kind, at, |event| {
            event.payment = Some(payment);
            event.dispute = Some(id.clone());
            event.amount = Some(amount);
        });
        Ok(())
    }

    fn tell_of_payout(&mut self, id: &PayoutId, at: SystemTime) -> Result<(), Error> {
        let amount = self.payout(id)?.amount;
        self.tell(EventKind::PayoutUpdated, at, |event| {
            event.payout = Some(id.clone());
            event.amount = Some(amount);
        });
        Ok(())
    }
}
