//! The `AsyncAPI` document of everything that sockets and event streams say, made from the types
//! that say it.

use crate::live::json::Frame;
use crate::live::{Form, Request, close};
use crate::player::LimitResponse;
use crate::wallet::AccountBalance;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};

const DEFINITIONS: &str = "#/$defs/";
const SCHEMAS: &str = "#/components/schemas/";

fn moved(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(to)) = fields.get_mut("$ref") {
                *to = to.replace(DEFINITIONS, SCHEMAS);
            }
            fields.values_mut().for_each(moved);
        }
        Value::Array(items) => items.iter_mut().for_each(moved),
        _ => {}
    }
}

/// The variants of a tagged type by their `t`, and what they refer to.
fn variants(mut schema: Value) -> (Vec<(String, Value)>, Map<String, Value>) {
    moved(&mut schema);
    let definitions = schema.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
    let all = schema.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    let named = all.into_iter().filter_map(|variant| {
        let name = variant.pointer("/properties/t/const")?.as_str()?.to_owned();
        Some((name, variant))
    });
    (named.collect(), definitions)
}

/// Of a type as it is written, or as it is read.
fn schema<T: schemars::JsonSchema>(written: bool) -> Value {
    let mut made = SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = "/$defs".into();
        settings.meta_schema = None;
    });
    made.contract = if written { Contract::Serialize } else { Contract::Deserialize };
    made.into_generator().into_root_schema_for::<T>().to_value()
}

fn own<T: utoipa::PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).unwrap_or_default()
}

/// `wallet` and `notice`, of the player's own socket.
fn of_purse() -> Vec<(String, Value)> {
    let text = json!({"type": "string"});
    let whole = json!({"type": "integer", "minimum": 0});
    let wallet = json!({
        "description": "A player's wallet as committed, always the newest.",
        "type": "object",
        "required": ["t", "seq", "accounts", "limits", "tournaments"],
        "properties": {
            "t": {"const": "wallet"}, "seq": whole,
            "accounts": {"type": "array", "items": own::<AccountBalance>()},
            "excluded": text, "excludedUntil": text,
            "limits": {"type": "array", "items": own::<LimitResponse>()},
            "tournaments": {"type": "array", "items": text},
        },
    });
    let notice = json!({
        "description": "What happened to the player besides his bets.",
        "type": "object",
        "required": ["t", "kind", "seq", "time"],
        "properties": {"t": {"const": "notice"}, "kind": text, "seq": whole, "time": text,
            "amount": text, "currency": text},
    });
    vec![("wallet".to_owned(), wallet), ("notice".to_owned(), notice)]
}

fn listed(at: &str, names: &[&str]) -> Value {
    names.iter().map(|name| json!({"$ref": format!("{at}/{name}")})).collect()
}

fn channel(address: &str, description: &str, names: &[&str]) -> Map<String, Value> {
    let message = |name: &&str| {
        let name = (*name).to_owned();
        let to = format!("#/components/messages/{name}");
        (name, json!({"$ref": to}))
    };
    let messages: Map<String, Value> = names.iter().map(message).collect();
    let mut channel = Map::new();
    channel.insert("address".to_owned(), address.into());
    channel.insert("description".to_owned(), description.into());
    channel.insert("messages".to_owned(), messages.into());
    if address.contains("{id}") {
        let id = json!({"id": {"description": "The tournament's id."}});
        channel.insert("parameters".to_owned(), id);
    }
    channel
}

const BOARD: &[&str] = &["snapshot", "delta", "resumed", "proof", "me", "error", "bye", "pong"];
const STREAM: &[&str] = &["snapshot", "delta", "resumed", "proof", "bye"];
const OWN: &[&str] = &["wallet", "notice", "error", "bye", "pong"];
const REQUESTS: &[&str] = &["auth", "ping"];

/// The document.
#[must_use]
pub fn published() -> Value {
    let (mut frames, mut schemas) = variants(schema::<Frame<'_>>(true));
    let (requests, more) = variants(schema::<Request>(false));
    schemas.extend(more);
    frames.extend(requests);
    frames.extend(of_purse());
    let messages: Map<String, Value> = frames
        .into_iter()
        .map(|(name, payload)| {
            let summary = payload.get("description").cloned().unwrap_or_default();
            let message = json!({"name": name, "contentType": "application/json",
                "summary": summary, "payload": payload});
            (name, message)
        })
        .collect();
    let both = |sent: &[&'static str]| [sent, REQUESTS].concat();
    let cursor = json!({"ws": {"bindingVersion": "0.1.0", "query": {"type": "object",
        "properties": {"epoch": {"type": "string"}, "seq": {"type": "integer"}}}}});
    let mut board = channel(
        "/ws/tournaments/{id}",
        &format!(
            "A live board. Subprotocols {} (this one) and {} (docs/protocol/live.md).",
            Form::Json.subprotocol(),
            Form::Binary.subprotocol()
        ),
        &both(BOARD),
    );
    board.insert("bindings".to_owned(), cursor);
    let own = channel("/ws/me", "A player's own wallet; `auth` comes first.", &both(OWN));
    let stream = channel(
        "/api/tournaments/{id}/events",
        "The same board as server-sent events: `event` is the message's name, `id` the cursor.",
        STREAM,
    );
    let operation = |action: &str, of: &str, names: &[&str]| {
        json!({"action": action, "channel": {"$ref": format!("#/channels/{of}")},
            "messages": listed(&format!("#/channels/{of}/messages"), names)})
    };
    let codes = [
        (close::DONE, "done"),
        (close::AWAY, "the server stops: come back with the cursor after reconnectMs"),
        (close::TOO_LONG, "a message was too long"),
        (close::LATER, "asked too often, or too many sockets: later"),
        (close::SLOW, "too slow for too long: come back without a cursor"),
        (close::PROTOCOL, "the protocol was broken"),
        (close::TOKEN, "the token is not good here"),
        (close::NO_TOURNAMENT, "the tournament is no more"),
    ];
    let codes: Map<String, Value> =
        codes.iter().map(|(code, why)| (code.to_string(), Value::from(*why))).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Palio, live",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Boards and wallets as they change. What the frames mean, the binary \
                form and how to resume: docs/protocol/live.md.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "sockets": {"host": "localhost:8080", "protocol": "ws"},
            "streams": {"host": "localhost:8080", "protocol": "http"},
        },
        "channels": {"board": board, "own": own, "stream": stream},
        "operations": {
            "showBoard": operation("send", "board", BOARD),
            "hearWatcher": operation("receive", "board", REQUESTS),
            "showWallet": operation("send", "own", OWN),
            "hearPlayer": operation("receive", "own", REQUESTS),
            "streamBoard": operation("send", "stream", STREAM),
        },
        "components": {"messages": messages, "schemas": schemas},
        "x-close-codes": codes,
    })
}
