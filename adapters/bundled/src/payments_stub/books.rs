//! The ledger, and the file it is kept in.
//!
//! The file holds one line of JSON for every change, in order; the ledger is what follows from them. Every change is
//! appended and synced before anybody hears of it. Each operation holds the file's lock and first reads what others
//! have appended, so several processes keep one set of books. A line that a crash cut off was never acknowledged and is
//! cut off for good by the next operation.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use companyos_adapter_traits::payment::memory::{BankAnswer, Ledger, Request};
use companyos_adapter_traits::payment::{
    DisputeId, Made, Money, PaymentId, PayoutId, PayoutStatus, RefundId,
};
use companyos_adapter_traits::{Error, ErrorKind, Outcome};

use super::record::{Bank, Record, What, Wire, time, unreadable};

/// The ledger as of some line of the file.
#[derive(Default)]
pub(super) struct Books {
    pub(super) ledger: Ledger,
    /// Payments in processing whose bank answers by itself, and when.
    due: Vec<(PaymentId, SystemTime)>,
    file: Option<File>,
    /// How much of the file is in the ledger.
    read: u64,
}

impl Books {
    /// Opens or creates the file.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let created = !path.exists();
        let file = File::options().read(true).append(true).create(true).open(path).map_err(io)?;
        if created && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // The name of a file is kept by its folder.
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        }
        let mut books = Self { file: Some(file), ..Self::default() };
        books.with(|_| Ok(()))?;
        Ok(books)
    }

    /// Runs `work` on books that are up to date and that nobody else changes meanwhile.
    pub(super) fn with<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let Some(file) = &self.file else { return work(self) };
        let lock = file.try_clone().map_err(io)?;
        lock.lock().map_err(io)?;
        let result = self.catch_up().and_then(|()| work(self));
        // A lock that cannot be given back goes with the file.
        drop(lock.unlock());
        result
    }

    /// Applies what others have appended.
    fn catch_up(&mut self) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut news = Vec::new();
        file.seek(SeekFrom::Start(self.read)).map_err(io)?;
        file.read_to_end(&mut news).map_err(io)?;
        let whole = news.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < news.len() {
            file.set_len(self.read + whole as u64).map_err(io)?;
        }
        for line in news[..whole].split_inclusive(|byte| *byte == b'\n') {
            let record: Record =
                serde_json::from_slice(line).map_err(|cause| unreadable("record").with_source(cause))?;
            self.apply(&record)?;
            self.read += line.len() as u64;
        }
        Ok(())
    }

    /// Makes a record durable. If that fails it has not happened.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut line = serde_json::to_vec(record).map_err(|cause| {
            Error::new(ErrorKind::Internal, "the record does not write").with_source(cause)
        })?;
        line.push(b'\n');
        match file.write_all(&line).and_then(|()| file.sync_data()) {
            Ok(()) => {
                self.read += line.len() as u64;
                Ok(())
            }
            Err(cause) => {
                // What is in the ledger by now must not stay there: it is read anew, without the record.
                let cut = file.set_len(self.read);
                (self.ledger, self.due, self.read) = Default::default();
                let known = if cut.is_ok() { Outcome::NotSent } else { Outcome::MaybeSent };
                Err(io(cause).with_outcome(known))
            }
        }
    }

    /// Does what a caller asks for, and keeps it unless nothing came of it or it was kept before.
    pub(super) fn call(
        &mut self,
        tenant: &str,
        key: &str,
        request: &Request,
        bank: &BankAnswer,
        settle_at: Option<u64>,
        now: SystemTime,
    ) -> Result<Made, Error> {
        let (tenant, key) = (tenant.to_owned(), key.to_owned());
        let known = self.ledger.knows(&tenant, &key);
        let what = What::Call {
            tenant: tenant.clone(),
            key: key.clone(),
            request: Box::new(Wire::of(request)?),
            bank: Bank::of(bank)?,
            settle_at,
        };
        let record = Record::new(now, what);
        let answer = self.ledger.call(&tenant, &key, request, bank, record.at());
        if known || !self.ledger.knows(&tenant, &key) {
            return answer;
        }
        self.await_bank(&answer, bank, settle_at);
        self.append(&record)?;
        answer
    }

    fn await_bank(&mut self, made: &Result<Made, Error>, bank: &BankAnswer, settle_at: Option<u64>) {
        if let (Ok(Made::Payment(payment)), BankAnswer::Delayed, Some(due)) = (made, bank, settle_at) {
            self.due.push((payment.id.clone(), time(due)));
        }
    }

    /// Keeps a happening from outside.
    pub(super) fn happen(&mut self, at: SystemTime, what: What) -> Result<Option<String>, Error> {
        let record = Record::new(at, what);
        let made = self.apply(&record)?;
        self.append(&record)?;
        Ok(made)
    }

    /// Lets the banks answer whose time has come.
    pub(super) fn settle_due(&mut self, now: SystemTime) -> Result<(), Error> {
        while let Some((payment, _)) = self.due.iter().find(|(_, at)| *at <= now) {
            let (payment, bank) = (payment.to_string(), Bank::Approved);
            self.happen(now, What::Settle { payment, bank })?;
        }
        Ok(())
    }

    /// Changes the ledger as a record says. Answers with the id of what was made.
    pub(super) fn apply(&mut self, record: &Record) -> Result<Option<String>, Error> {
        let (at, ledger) = (record.at(), &mut self.ledger);
        match &record.what {
            What::Call { tenant, key, request, bank, settle_at } => {
                let bank = bank.answer();
                // A refusal is a change too: the key is used.
                let made = ledger.call(tenant, key, &request.request()?, &bank, at);
                self.await_bank(&made, &bank, *settle_at);
                Ok(None)
            }
            What::Authenticate { payment, succeeded } => {
                ledger.authenticate(&PaymentId::new(payment), *succeeded).map(|()| None)
            }
            What::Settle { payment, bank } => {
                let payment = PaymentId::new(payment);
                self.due.retain(|(due, _)| *due != payment);
                ledger.settle(&payment, &bank.answer(), at).map(|()| None)
            }
            What::OpenDispute { payment } => {
                ledger.open_dispute(&PaymentId::new(payment), at).map(|dispute| Some(dispute.to_string()))
            }
            What::CloseDispute { dispute } => {
                ledger.close_dispute(&DisputeId::new(dispute), at).map(|()| None)
            }
            What::FailRefund { refund } => ledger.fail_refund(&RefundId::new(refund), at).map(|()| None),
            What::PayOut { amount } => {
                ledger.pay_out(amount.parse::<Money>()?, at).map(|payout| Some(payout.to_string()))
            }
            What::AdvancePayout { payout, status } => {
                let named = |known: &PayoutStatus| known.as_str() == status;
                let status = PAYOUT.into_iter().find(named).ok_or_else(|| unreadable("status"))?;
                ledger.advance_payout(&PayoutId::new(payout), status, at).map(|()| None)
            }
        }
    }
}

const PAYOUT: [PayoutStatus; 5] = [
    PayoutStatus::Pending,
    PayoutStatus::InTransit,
    PayoutStatus::Paid,
    PayoutStatus::Failed,
    PayoutStatus::Canceled,
];

fn io(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the books of the stub could not be read or written")
        .with_source(cause)
}
