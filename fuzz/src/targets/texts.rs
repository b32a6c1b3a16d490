//! Single values: currencies, amounts, ids, keys, instants, birth dates. The first line is a
//! currency, the rest the text.
//!
//! **Property:** each is taken exactly when a second, plainer description of it says so; an amount
//! is the same number to the last digit as in that description, and never leaves 64 bits; what is
//! taken reads back after it was written; no error is longer than a line.

use crate::support::{decimal, same_money};
use palio_domain::money::Error;
use palio_domain::{
    BetId, CampaignId, Currency, GameId, ProviderId, RoundId, TournamentId, TraceId, UnixMs,
    WithdrawalId, ids,
};
use palio_protocol::field::{parse_key, parse_player};
use palio_protocol::time;

pub(super) const WORDS: &[&str] = &[
    "USD", "CLP", "BHD", "LTC", "USDT", "friday-race", "p_1", "b_92f", "-0.00", "0.01", "1990-04-30",
    "2024-02-29", "T", "Z", "+01:00", "-00:00", ".120", "23:59:60", "24:00:00",
];

pub(super) fn target(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (code, text) = text.split_once('\n').unwrap_or(("EUR", text));
    money(currency(code), text);
    texts(text);
    instants(text);
}

fn currency(code: &str) -> Currency {
    let Ok(currency) = Currency::parse(code) else { return Currency::EUR };
    assert_eq!(currency.code(), code);
    assert!((3..=8).contains(&code.len()) && currency.exponent() <= 9);
    assert!(code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    let json = serde_json::to_string(&currency).expect("a currency is written");
    assert_eq!(serde_json::from_str::<Currency>(&json).expect("and reads back"), currency);
    currency
}

fn money(currency: Currency, text: &str) {
    let known = decimal(text, currency.exponent());
    let fits = known.filter(|value| value.unsigned_abs() <= i64::MAX.unsigned_abs().into());
    match currency.amount(text) {
        Ok(amount) => {
            assert_eq!(fits, Some(i128::from(amount.0)), "{text} {currency}");
            same_money(text, amount, currency);
        }
        Err(error) => {
            assert_eq!(fits, None, "{text} {currency}: {error}");
            assert!(error.to_string().len() < 80);
            assert!(known.is_none() || error == Error::Overflow, "{text} {currency}: {error}");
        }
    }
    let positive = fits.is_some() && !text.starts_with('-');
    assert_eq!(currency.amount_not_negative(text).is_ok(), positive, "{text} {currency}");
}

fn texts(text: &str) {
    let visible = |max: usize| {
        (1..=max).contains(&text.len()) && text.bytes().all(|b| (b'!'..=b'~').contains(&b))
    };
    id(text, BetId::parse, visible(BetId::LEN_MAX));
    id(text, RoundId::parse, visible(RoundId::LEN_MAX));
    id(text, GameId::parse, visible(GameId::LEN_MAX));
    id(text, ProviderId::parse, visible(ProviderId::LEN_MAX));
    id(text, WithdrawalId::parse, visible(WithdrawalId::LEN_MAX));
    id(text, CampaignId::parse, visible(CampaignId::LEN_MAX));
    id(text, TraceId::parse, visible(TraceId::LEN_MAX));
    let slug = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    id(text, TournamentId::parse, visible(64) && text.bytes().all(slug));
    assert_eq!(parse_player(text).is_ok(), visible(64));
    assert_eq!(parse_key("key", text).is_ok(), visible(128));
    for error in [parse_player(text).err(), parse_key("key", text).err()].into_iter().flatten() {
        crate::support::refused(&error);
    }
}

fn id<T>(text: &str, parse: impl Fn(&str) -> Result<T, ids::Error>, good: bool)
where
    T: Clone + PartialEq + std::fmt::Debug + std::fmt::Display,
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let parsed = parse(text);
    assert_eq!(parsed.is_ok(), good, "{text:?}");
    let json = serde_json::to_string(text).expect("a text is written");
    match parsed {
        Ok(id) => {
            assert_eq!(id.to_string(), text);
            assert_eq!(serde_json::to_string(&id).expect("an id is written"), json);
            assert_eq!(serde_json::from_str::<T>(&json).ok(), Some(id));
        }
        Err(error) => {
            assert!(error.to_string().len() < 80);
            // A store or snapshot can't bring in what the wire refuses.
            assert!(serde_json::from_str::<T>(&json).is_err());
        }
    }
}

fn instants(text: &str) {
    if let Ok(at) = time::parse(text) {
        let written = time::format(at);
        assert_eq!((time::parse(&written), written.len()), (Ok(at), 24), "{text}");
        assert!((20..=40).contains(&text.len()), "{text}");
    }
    for now in [i64::MIN, -62_167_219_200_000, 0, 1_795_284_000_000, i64::MAX] {
        let written = time::format(UnixMs(now));
        assert!(time::parse(&written).is_ok() && written.len() == 24);
        if let Some(age) = time::age(text, UnixMs(now)) {
            assert!(age < 300_000 && text.len() == 10, "{text}");
        }
    }
}
