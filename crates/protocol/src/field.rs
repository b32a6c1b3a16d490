//! Fields of a body before and while they are checked: lenient to read, strict to use.

use crate::error_code::ErrorCode;
use palio_domain::{Amount, BetId, Currency, GameId, ProviderId, RoundId, UnixMs, ids, money};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde::{Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// What is wrong with which field. The message never repeats what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The field's path, such as `bets[2].payout`; a header's name; empty for the body itself.
    pub field: String,
    /// The code to answer with.
    pub code: ErrorCode,
    /// One sentence for a person.
    pub message: String,
}

impl FieldError {
    /// A field that is missing or wrong.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidField, field, message)
    }

    /// Any code.
    #[must_use]
    pub fn new(code: ErrorCode, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }

    /// The same error of a field inside `parent`: `payout` inside `bets[2]`.
    #[must_use]
    pub fn inside(mut self, parent: &str) -> Self {
        self.field = format!("{parent}.{}", self.field);
        self
    }

    /// The sentence with the field's name in front.
    #[must_use]
    pub fn detail(&self) -> String {
        if self.field.is_empty() { self.message.clone() } else { self.to_string() }
    }
}

/// A field that must be a JSON string; anything else is kept as what it was, so that the refusal
/// can name the field and say what came instead. `null` counts as missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Text {
    /// Not there, or `null`.
    #[default]
    Missing,
    /// A string.
    Given(String),
    /// Something else: "a number".
    Other(&'static str),
}

impl Text {
    /// Whether it is not there.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// The text, if there is one.
    ///
    /// # Errors
    /// [`FieldError`] when it is not a string.
    pub fn optional(&self, field: &str) -> Result<Option<&str>, FieldError> {
        match self {
            Self::Missing => Ok(None),
            Self::Given(text) => Ok(Some(text)),
            Self::Other(kind) => {
                Err(FieldError::invalid(field, format!("must be a JSON string, not {kind}")))
            }
        }
    }

    /// The text, which must be there.
    ///
    /// # Errors
    /// [`FieldError`] when it is missing or not a string.
    pub fn required(&self, field: &str) -> Result<&str, FieldError> {
        self.optional(field)?.ok_or_else(|| FieldError::invalid(field, "is missing"))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Given(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Given(text)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(text) => to.serialize_str(text),
            Self::Missing | Self::Other(_) => to.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match from.deserialize_any(Any)? {
            Scalar::Null => Self::Missing,
            Scalar::Text(text) => Self::Given(text),
            Scalar::Whole(_) | Scalar::Number => Self::Other("a number"),
            Scalar::Flag(_) => Self::Other("a boolean"),
            Scalar::Other(kind) => Self::Other(kind),
        })
    }
}

/// A field that must be a whole JSON number; anything else is kept as what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whole {
    /// Not there, or `null`.
    #[default]
    Missing,
    /// A number.
    Given(u64),
    /// Something else.
    Other(&'static str),
}

impl Whole {
    /// Whether it is not there.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// The number, or `default` when it is missing.
    ///
    /// # Errors
    /// [`FieldError`] when it is not a whole number of the range.
    pub fn within(
        self,
        field: &str,
        range: std::ops::RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, FieldError> {
        let wrong = || {
            let (from, to) = (range.start(), range.end());
            FieldError::invalid(field, format!("must be a whole number from {from} to {to}"))
        };
        match self {
            Self::Missing => Ok(default),
            Self::Given(number) if range.contains(&number) => Ok(number),
            Self::Given(_) | Self::Other(_) => Err(wrong()),
        }
    }
}

/// A field that must be `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flag {
    /// Not there, or `null`.
    #[default]
    Missing,
    /// A boolean.
    Given(bool),
    /// Something else.
    Other,
}

impl Flag {
    /// Whether it is not there.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// The value, or `default` when it is missing.
    ///
    /// # Errors
    /// [`FieldError`] when it is not a boolean.
    pub fn or(self, field: &str, default: bool) -> Result<bool, FieldError> {
        match self {
            Self::Missing => Ok(default),
            Self::Given(value) => Ok(value),
            Self::Other => Err(FieldError::invalid(field, "must be true or false")),
        }
    }
}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(value) => to.serialize_bool(*value),
            Self::Missing | Self::Other => to.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match from.deserialize_any(Any)? {
            Scalar::Null => Self::Missing,
            Scalar::Flag(value) => Self::Given(value),
            Scalar::Text(_) | Scalar::Whole(_) | Scalar::Number | Scalar::Other(_) => Self::Other,
        })
    }
}

impl From<u64> for Whole {
    fn from(number: u64) -> Self {
        Self::Given(number)
    }
}

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(number) => to.serialize_u64(*number),
            Self::Missing | Self::Other(_) => to.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match from.deserialize_any(Any)? {
            Scalar::Null => Self::Missing,
            Scalar::Whole(number) => Self::Given(number),
            Scalar::Text(_) => Self::Other("a string"),
            Scalar::Number => Self::Other("a number"),
            Scalar::Flag(_) => Self::Other("a boolean"),
            Scalar::Other(kind) => Self::Other(kind),
        })
    }
}

enum Scalar {
    Null,
    Text(String),
    Whole(u64),
    Number,
    Flag(bool),
    Other(&'static str),
}

/// Takes any JSON value; lists and objects are passed over, never kept.
struct Any;

impl<'de> serde::de::Visitor<'de> for Any {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(text))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Flag(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(u64::try_from(number).map_or(Scalar::Number, Scalar::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("an object"))
    }
}

/// A `T` that must be a JSON object; derived readers alone would also take a list by position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Object<T>(pub T);

impl<T> From<T> for Object<T> {
    fn from(inner: T) -> Self {
        Self(inner)
    }
}

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OfMap<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> serde::de::Visitor<'de> for OfMap<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(map))
            }
        }
        from.deserialize_map(OfMap(PhantomData)).map(Self)
    }
}

/// Longest external player id.
const PLAYER_LEN_MAX: usize = 64;
/// Longest idempotency key.
const KEY_LEN_MAX: usize = 128;

fn visible(field: &str, text: &str, max: usize) -> Result<(), FieldError> {
    let error = match text {
        "" => ids::Error::Empty,
        t if t.len() > max => ids::Error::TooLong { max },
        t if t.bytes().all(|b| (0x21..=0x7e).contains(&b)) => return Ok(()),
        _ => ids::Error::BadCharacter,
    };
    Err(FieldError::invalid(field, error.to_string()))
}

/// Checks an operator's own id of a player: 1–64 visible ASCII characters.
///
/// # Errors
/// [`FieldError`] naming `playerId`.
pub fn parse_player(text: &str) -> Result<&str, FieldError> {
    visible("playerId", text, PLAYER_LEN_MAX).map(|()| text)
}

/// Checks an idempotency key: 1–128 visible ASCII characters. `field` is the header's or field's
/// name.
///
/// # Errors
/// [`FieldError`].
pub fn parse_key<'a>(field: &str, text: &'a str) -> Result<&'a str, FieldError> {
    visible(field, text, KEY_LEN_MAX).map(|()| text)
}

fn id<T>(field: &str, parsed: Result<T, ids::Error>) -> Result<T, FieldError> {
    parsed.map_err(|error| FieldError::invalid(field, error.to_string()))
}

pub(crate) fn player(text: &Text) -> Result<String, FieldError> {
    parse_player(text.required("playerId")?).map(str::to_owned)
}

pub(crate) fn bet(text: &Text) -> Result<BetId, FieldError> {
    id("betId", BetId::parse(text.required("betId")?))
}

/// A round id.
///
/// # Errors
/// `INVALID_FIELD`.
pub fn round(text: &Text) -> Result<RoundId, FieldError> {
    id("roundId", RoundId::parse(text.required("roundId")?))
}

pub(crate) fn round_optional(text: &Text) -> Result<Option<RoundId>, FieldError> {
    text.optional("roundId")?.map(|text| id("roundId", RoundId::parse(text))).transpose()
}

pub(crate) fn game(field: &str, text: &Text) -> Result<GameId, FieldError> {
    id(field, GameId::parse(text.required(field)?))
}

pub(crate) fn game_optional(field: &str, text: &Text) -> Result<Option<GameId>, FieldError> {
    text.optional(field)?.map(|text| id(field, GameId::parse(text))).transpose()
}

pub(crate) fn provider(text: &Text) -> Result<ProviderId, FieldError> {
    id("provider", ProviderId::parse(text.required("provider")?))
}

/// A text of 1–200 characters without control characters, for people to read.
pub(crate) fn reason(field: &str, text: &Text) -> Result<Box<str>, FieldError> {
    let text = text.required(field)?.trim();
    if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Err(FieldError::invalid(field, "must be 1–200 characters on one line"));
    }
    Ok(text.into())
}

pub(crate) fn key_optional(field: &str, text: &Text) -> Result<Option<String>, FieldError> {
    Ok(text.optional(field)?.map(|text| parse_key(field, text)).transpose()?.map(str::to_owned))
}

pub(crate) fn currency(text: &Text) -> Result<Currency, FieldError> {
    currency_optional(text)?.ok_or_else(|| FieldError::invalid("currency", "is missing"))
}

pub(crate) fn currency_optional(text: &Text) -> Result<Option<Currency>, FieldError> {
    let parse = |text| Currency::parse(text).map_err(|e| money_error("currency", e));
    text.optional("currency")?.map(parse).transpose()
}

/// An amount ≥ 0.
pub(crate) fn amount(field: &str, text: &Text, of: Currency) -> Result<Amount, FieldError> {
    of.amount_not_negative(money_text(field, text)?).map_err(|e| money_error(field, e))
}

/// An amount ≥ 0 that may be missing.
pub(crate) fn amount_optional(
    field: &str,
    text: &Text,
    of: Currency,
) -> Result<Option<Amount>, FieldError> {
    if text.is_missing() { Ok(None) } else { amount(field, text, of).map(Some) }
}

/// An amount of either sign.
pub(crate) fn signed(field: &str, text: &Text, of: Currency) -> Result<Amount, FieldError> {
    of.amount(money_text(field, text)?).map_err(|e| money_error(field, e))
}

fn money_text<'a>(field: &str, text: &'a Text) -> Result<&'a str, FieldError> {
    match text {
        Text::Other("a number") => Err(FieldError::invalid(
            field,
            "is money and must be a JSON string such as \"10.00\", not a number",
        )),
        other => other.required(field),
    }
}

fn money_error(field: &str, error: money::Error) -> FieldError {
    FieldError::invalid(field, error.to_string())
}

pub(crate) fn time_optional(field: &str, text: &Text) -> Result<Option<UnixMs>, FieldError> {
    let parse =
        |text| crate::time::parse(text).map_err(|e| FieldError::invalid(field, e.to_string()));
    text.optional(field)?.map(parse).transpose()
}

pub(crate) fn time_required(field: &str, text: &Text) -> Result<UnixMs, FieldError> {
    time_optional(field, text)?.ok_or_else(|| FieldError::invalid(field, "is missing"))
}
