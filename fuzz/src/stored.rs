//! Rows as a damaged store may give them: a JSON object on each line, with the table's columns.

use palio::storage::StoredRow;
use palio::storage::columns::Columns;
use palio_domain::journal::Row;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A line. What is not there is `NULL`, or the usual value where there is no `NULL`.
#[derive(Deserialize)]
#[serde(default)]
struct Line {
    slot: i16,
    seq: i64,
    epoch: i64,
    time: i64,
    kind: i16,
    kind_version: i16,
    tenant: i32,
    aggregate_kind: i16,
    aggregate: i64,
    debit: Option<i16>,
    credit: Option<i16>,
    amount: Option<i64>,
    currency: Option<String>,
    balance_after: Option<i64>,
    request_key: Option<String>,
    request_id: Option<String>,
    body_hash: Option<String>,
    claim: Option<String>,
    provider: Option<String>,
    bet_id: Option<String>,
    round_id: Option<String>,
    game_id: Option<String>,
    trace_id: Option<String>,
    payload: Option<Box<RawValue>>,
    /// Instead of `payload`: bytes that are no JSON, in hexadecimal.
    payload_bytes: String,
    chain: Option<String>,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            slot: 0,
            seq: 0,
            epoch: 1,
            time: 1_795_284_000_000,
            kind: 1,
            kind_version: 1,
            tenant: 1,
            aggregate_kind: 1,
            aggregate: 7,
            debit: None,
            credit: None,
            amount: None,
            currency: None,
            balance_after: None,
            request_key: None,
            request_id: None,
            body_hash: None,
            claim: None,
            provider: None,
            bet_id: None,
            round_id: None,
            game_id: None,
            trace_id: None,
            payload: None,
            payload_bytes: String::new(),
            chain: None,
        }
    }
}

/// Rows in one input.
const ROWS_MAX: usize = 200;

/// The rows that can be read. What is read is exactly what stood in the columns.
pub(crate) fn rows(bytes: &[u8]) -> Vec<Row> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.zip(1..).take(ROWS_MAX).filter_map(|(line, seq)| row(&line, seq)).collect()
}

fn row(line: &Line, place: i64) -> Option<Row> {
    let bytes = |text: &Option<String>| text.as_ref().map(|t| hex::decode(t).unwrap_or_default());
    let (request_key, body_hash) = (bytes(&line.request_key), bytes(&line.body_hash));
    let (claim, chain) = (bytes(&line.claim), bytes(&line.chain));
    let payload = match &line.payload {
        Some(json) => json.get().as_bytes().to_vec(),
        None => hex::decode(&line.payload_bytes).unwrap_or_default(),
    };
    let columns = Columns {
        slot: line.slot,
        seq: if line.seq == 0 { place } else { line.seq },
        epoch: line.epoch,
        time: line.time,
        kind: line.kind,
        kind_version: line.kind_version,
        tenant: line.tenant,
        aggregate_kind: line.aggregate_kind,
        aggregate: line.aggregate,
        debit: line.debit,
        credit: line.credit,
        amount: line.amount,
        currency: line.currency.as_deref(),
        balance_after: line.balance_after,
        request_key: request_key.as_deref(),
        request_id: line.request_id.as_deref(),
        body_hash: body_hash.as_deref(),
        claim: claim.as_deref(),
        provider: line.provider.as_deref(),
        bet_id: line.bet_id.as_deref(),
        round_id: line.round_id.as_deref(),
        game_id: line.game_id.as_deref(),
        trace_id: line.trace_id.as_deref(),
        payload: &payload,
        chain: chain.as_deref(),
    };
    match columns.to_row() {
        Err(error) => {
            assert!(error.to_string().len() < 200, "{error}");
            None
        }
        Ok(StoredRow { row, chain }) => {
            let again = Columns::of(&row, chain.as_ref()).expect("what was read can be written");
            assert_eq!(again, columns);
            Some(row)
        }
    }
}
