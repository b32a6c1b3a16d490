//! Who may start something: states of providers, sessions, exclusions, features.

use super::*;
use crate::ids::{CampaignId, TournamentId};
use crate::wallet::protection::ExclusionKind;

fn acme() -> ProviderId {
    ProviderId::parse("acme").unwrap()
}

/// The bench's clock starts at 1,000 and goes on by 10 with each command.
fn open(provider: &str, expires: i64, away: bool) -> Command {
    Command::OpenSession {
        provider: Some(ProviderId::parse(provider).unwrap()),
        game: GameId::parse("wheel").unwrap(),
        currency: Currency::EUR,
        expires: UnixMs(expires),
        away,
    }
}

fn close(number: u64) -> Command {
    Command::CloseSession { game: GameId::parse("wheel").unwrap(), number }
}

fn under(mut command: Command, terms: Terms) -> Command {
    *command.terms_mut().unwrap() = terms;
    command
}

fn session(rule: SessionRule) -> Terms {
    Terms { session: rule, ..Terms::default() }
}

fn in_feature(mut command: Command) -> Command {
    match &mut command {
        Command::PlaceBet { feature, .. } | Command::Play { feature, .. } => *feature = true,
        _ => panic!("not a bet"),
    }
    command
}

fn grant(campaign: &str, expires: i64) -> Command {
    Command::GrantFreeRounds {
        campaign: CampaignId::parse(campaign).unwrap(),
        provider: acme(),
        game: GameId::parse("wheel").unwrap(),
        count: 1,
        value: Amount(100),
        currency: Currency::EUR,
        expires: UnixMs(expires),
        author: "anna".into(),
    }
}

fn exclude(kind: ExclusionKind) -> Command {
    let (reason, author) = ("x".into(), "p".into());
    Command::Exclude { kind, until: None, reason, author, provider: None }
}

fn withdraw(id: &str) -> Command {
    Command::AuthoriseWithdrawal {
        id: crate::ids::WithdrawalId::parse(id).unwrap(),
        amount: Amount(1),
        currency: Currency::EUR,
    }
}

fn enter(tournament: &str) -> Command {
    Command::Enter { tournament: TournamentId::parse(tournament).unwrap(), ends: UnixMs(9_000) }
}

fn check(rows: Vec<(&str, Command, &str)>) {
    let mut bench = Bench::new();
    for (at, (key, command, expected)) in rows.into_iter().enumerate() {
        let answer = bench.run(key, command.clone());
        assert_eq!(short(&answer), expected, "step {at}: {command:?}");
    }
}

#[test]
fn a_provider_that_is_away_takes_no_new_bets_and_repeats_are_answered() {
    let away = Terms { away: true, ..Terms::default() };
    check(vec![
        ("d", deposit(1_000), "wallet.deposited"),
        ("b1", place("b1", "r1", 100), "bet.placed"),
        ("p1", play("p1", 100, 0), "round.played"),
        ("x2", roll_back("b2"), "bet.tombstoned"),
        ("s1", open("acme", 9_000, false), "session.opened"),
        // The first answer, under its own key and under another one; other content is told.
        ("b1", under(place("b1", "r1", 100), away), "replay bet.placed"),
        ("other", under(place("b1", "r1", 100), away), "replay bet.placed"),
        ("b1", under(place("b1", "r1", 101), away), "idempotencyMismatch"),
        ("p1", under(play("p1", 100, 0), away), "replay round.played"),
        ("b2", under(place("b2", "r2", 100), away), "betCancelled"),
        ("s1", open("acme", 9_000, true), "replay session.opened"),
        // Nothing new, and nothing is kept.
        ("b3", under(place("b3", "r3", 100), away), "providerAway"),
        ("p3", under(play("p3", 100, 0), away), "providerAway"),
        ("s2", open("acme", 9_000, true), "providerAway"),
        ("w1", settle("r1", 0), "bet.settled"),
        ("b3", place("b3", "r3", 100), "bet.placed"),
        ("s2", open("acme", 9_000, false), "session.opened"),
    ]);
}

#[test]
fn a_session_is_its_providers_until_it_is_over() {
    use SessionRule::{Named, Open, Over};
    check(vec![
        ("d", deposit(1_000), "wallet.deposited"),
        ("s0", open("acme", 1_020, false), "overAlready"),
        // Row 2.
        ("s1", open("acme", 1_200, false), "session.opened"),
        ("b1", under(place("b1", "r", 1), session(Named(2))), "bet.placed"),
        ("b2", under(place("b2", "r", 1), session(Open)), "bet.placed"),
        // What names an expired session hears so for ever, but a repeat its first answer.
        ("b1", under(place("b1", "r", 1), session(Over)), "replay bet.placed"),
        ("b3", under(place("b3", "r", 1), session(Over)), "refused for ever"),
        ("b3", under(place("b3", "r", 1), session(Open)), "replay bet.refused"),
        // Row 6, in place of the other: another provider's.
        ("s2", open("other", 1_200, false), "session.opened"),
        ("b4", under(place("b4", "r", 1), session(Named(6))), "refused for ever"),
        ("b5", under(place("b5", "r", 1), session(Open)), "refused for ever"),
        // The end of the older one does not end the newer one.
        ("e1", close(2), "sessionNotFound"),
        ("e2", close(6), "session.closed"),
        ("s3", open("acme", 1_160, false), "session.opened"),
        ("b6", under(place("b6", "r", 1), session(Open)), "bet.placed"),
        // 1,160: it is over by itself, and its repeat is one all the same.
        ("b7", under(place("b7", "r", 1), session(Open)), "refused for ever"),
        ("s3", open("acme", 1_160, false), "replay session.opened"),
    ]);
}

#[test]
fn whoever_is_excluded_starts_nothing_and_can_leave_with_his_money() {
    for kind in [ExclusionKind::SelfExclusion, ExclusionKind::TimeOut, ExclusionKind::Blocked] {
        check(vec![
            ("d1", deposit(1_000), "wallet.deposited"),
            ("t1", enter("one"), "tournament.entered"),
            ("f1", grant("c1", 9_000), "free_rounds.granted"),
            ("b1", place("b1", "r1", 100), "bet.placed"),
            ("x", exclude(kind), "player.excluded"),
            ("d1", deposit(1_000), "replay wallet.deposited"),
            ("d2", deposit(1_000), "command.refused"),
            ("d2", deposit(1_000), "replay command.refused"),
            ("t1", enter("one"), "replay tournament.entered"),
            ("t1b", enter("one"), "AlreadyEntered"),
            ("t2", enter("two"), "playerExcluded"),
            ("f1", grant("c1", 9_000), "replay free_rounds.granted"),
            ("f2", grant("c2", 9_000), "playerExcluded"),
            ("s", open("acme", 9_000, false), "playerExcluded"),
            ("w1", settle("r1", 0), "bet.settled"),
            ("o1", withdraw("o1"), "withdrawal.authorised"),
        ]);
    }
}

#[test]
fn free_rounds_that_are_over_are_not_granted() {
    check(vec![
        ("f1", grant("c1", 1_010), "overAlready"),
        ("f1", grant("c1", 1_021), "free_rounds.granted"),
        ("f1", grant("c1", 1_021), "replay free_rounds.granted"),
    ]);
}

#[test]
fn a_feature_is_part_of_the_content_and_keeps_the_stake() {
    check(vec![
        ("d", deposit(1_000), "wallet.deposited"),
        ("b1", place("b1", "r1", 100), "bet.placed"),
        ("b1", in_feature(place("b1", "r1", 100)), "idempotencyMismatch"),
        ("b2", in_feature(place("b2", "r1", 101)), "stakeChanged"),
        ("b2", in_feature(place("b2", "r1", 100)), "bet.placed"),
        // A play is of a round of its own name here.
        ("b3", place("b3", "p3", 100), "bet.placed"),
        ("p3", in_feature(play("p3", 50, 0)), "stakeChanged"),
        ("p3", in_feature(play("p3", 100, 0)), "round.played"),
        ("p3", in_feature(play("p3", 100, 0)), "replay round.played"),
        ("p3", play("p3", 100, 0), "idempotencyMismatch"),
    ]);
}

/// Whoever excludes a player has his own keys: the operator, and each platform.
#[test]
fn keys_of_exclusions_are_their_senders_own() {
    let by = |provider: Option<&str>, until: i64| {
        let (kind, until) = (ExclusionKind::SelfExclusion, Some(UnixMs(until)));
        let provider = provider.map(|id| ProviderId::parse(id).unwrap());
        let (reason, author) = ("x".into(), "p".into());
        Command::Exclude { kind, until, reason, author, provider }
    };
    let cases = [
        (None, 10_000_000, "player.excluded"),
        (Some("acme"), 20_000_000, "player.excluded"),
        (Some("other"), 30_000_000, "player.excluded"),
        (None, 10_000_000, "replay player.excluded"),
        (Some("acme"), 20_000_000, "replay player.excluded"),
        (Some("other"), 30_000_000, "replay player.excluded"),
        (Some("acme"), 30_000_000, "idempotencyMismatch"),
    ];
    let mut bench = Bench::new();
    for (at, (provider, until, expected)) in cases.into_iter().enumerate() {
        assert_eq!(short(&bench.run("same", by(provider, until))), expected, "{at}");
    }
}
