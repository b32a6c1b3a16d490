//! What an upgrade asks for, and whether it may. Pure.

use palio_domain::TournamentId;
use palio_protocol::live::Form;

/// Where a client says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Its epoch.
    pub epoch: Box<str>,
    /// Its position.
    pub seq: u64,
}

/// The tournament in `/ws/tournaments/{id}`.
#[must_use]
pub fn tournament(path: &str) -> Option<TournamentId> {
    TournamentId::parse(path.strip_prefix("/ws/tournaments/")?).ok()
}

/// The cursor in `?epoch=…&seq=…`; without both, or with nonsense, there is none.
#[must_use]
pub fn cursor(query: &str) -> Option<Cursor> {
    let field = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
    let epoch = field("epoch=").filter(|epoch| !epoch.is_empty())?;
    Some(Cursor { epoch: epoch.into(), seq: field("seq=")?.parse().ok()? })
}

/// Which subprotocol to answer, the client's first choice that is known; the outer `None`
/// refuses.
#[must_use]
pub fn subprotocol<'a>(offers: impl Iterator<Item = &'a str>) -> Option<Option<Form>> {
    let mut offers = offers.flat_map(|offer| offer.split(',')).map(str::trim).peekable();
    if offers.peek().is_none() {
        return Some(None);
    }
    let known = |offer| Form::ALL.into_iter().find(|form| form.subprotocol() == offer);
    offers.find_map(known).map(Some)
}

/// Whether a page of this origin may open a socket here: its own host, or a listed origin.
///
/// What is not a browser sends no `Origin` and may.
#[must_use]
pub fn origin_allowed(origin: Option<&str>, host: Option<&str>, allowed: &[String]) -> bool {
    let Some(origin) = origin else { return true };
    let own = origin.split_once("://").is_some_and(|(_, authority)| {
        host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
    });
    own || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_cursors() {
        assert_eq!(tournament("/ws/tournaments/race-1").unwrap().as_str(), "race-1");
        for path in ["/ws/tournaments/", "/ws/tournaments/a/b", "/ws/tournaments/A", "/ws"] {
            assert_eq!(tournament(path), None, "{path}");
        }
        let at = Cursor { epoch: "k.0".into(), seq: 7 };
        assert_eq!(cursor("epoch=k.0&seq=7"), Some(at.clone()));
        assert_eq!(cursor("x=1&seq=7&epoch=k.0"), Some(at));
        for query in ["", "epoch=k", "seq=7", "epoch=&seq=7", "epoch=k&seq=-1", "epoch=k&seq=x"] {
            assert_eq!(cursor(query), None, "{query}");
        }
    }

    #[test]
    fn subprotocols() {
        let ask = |offers: &[&'static str]| subprotocol(offers.iter().copied());
        assert_eq!(ask(&[]), Some(None));
        assert_eq!(ask(&["palio.v1.json"]), Some(Some(Form::Json)));
        assert_eq!(ask(&["palio.v1.bin, palio.v1.json"]), Some(Some(Form::Binary)));
        assert_eq!(ask(&["mqtt, palio.v1.json"]), Some(Some(Form::Json)));
        assert_eq!(ask(&["mqtt", "palio.v1.bin"]), Some(Some(Form::Binary)));
        assert_eq!(ask(&["mqtt"]), None);
        assert_eq!(ask(&[""]), None);
    }

    #[test]
    fn origins() {
        let listed = ["https://games.example".to_owned()];
        for (origin, host, allowed) in [
            (None, Some("a.example"), true),
            (Some("https://a.example"), Some("a.example"), true),
            (Some("http://A.example:8080"), Some("a.example:8080"), true),
            (Some("http://a.example:81"), Some("a.example:80"), false),
            (Some("https://games.example"), Some("a.example"), true),
            (Some("http://games.example"), Some("a.example"), false),
            (Some("https://evil-a.example"), Some("a.example"), false),
            (Some("null"), Some("a.example"), false),
            (Some("https://a.example"), None, false),
        ] {
            assert_eq!(origin_allowed(origin, host, &listed), allowed, "{origin:?} {host:?}");
        }
    }
}
