//! Refusals and failures as problem documents: the only place in HTTP that translates them.

use super::trace::traced;
use crate::actors::handle::{Failure, Reply};
use crate::storage;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use palio_domain::tournament::lifecycle;
use palio_protocol::{ErrorCode, FieldError, Problem, problem};

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct ApiError(pub Box<Problem>);

impl ApiError {
    /// A problem with a code and a detail.
    pub(super) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(problem::CONTENT_TYPE);
        if let Some(seconds) = self.0.retry_after_s {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.body(traced(&self.0).to_json())
    }
}

impl Responder for ApiError {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

impl From<Box<Problem>> for ApiError {
    fn from(problem: Box<Problem>) -> Self {
        Self(problem)
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        let mut problem = Problem::new(error.code, error.detail());
        problem.field = Some(error.field).filter(|field| !field.is_empty());
        problem.into()
    }
}

impl From<storage::Error> for ApiError {
    fn from(error: storage::Error) -> Self {
        tracing::error!(%error, "the store failed");
        failure(Failure::StorageUnavailable).into()
    }
}

impl From<Failure> for ApiError {
    fn from(why: Failure) -> Self {
        failure(why).into()
    }
}

/// A failure of the server as a problem.
pub(super) fn failure(why: Failure) -> Problem {
    let (code, detail) = match why {
        Failure::Overloaded => (ErrorCode::Overloaded, "the node is full; nothing was done"),
        Failure::StorageUnavailable => {
            (ErrorCode::StorageUnavailable, "the journal can't be reached; nothing was done")
        }
        Failure::OutcomeUnknown => (
            ErrorCode::OutcomeUnknown,
            "it is unknown whether this was done; retry with the same key to learn it",
        ),
        Failure::NotOwner => (ErrorCode::NotOwner, "another node owns this wallet"),
        Failure::Quarantined => (ErrorCode::WalletQuarantined, "the wallet is being looked at"),
        Failure::Stopping => (ErrorCode::StorageUnavailable, "the server is stopping"),
    };
    Problem::new(code, detail).retry_after(1)
}

/// Refuses what is about boards while they are being restored: what is not here yet would be
/// said not to exist.
pub(super) fn restored(server: &super::Server) -> Result<(), ApiError> {
    if server.tournaments.is_restored() {
        return Ok(());
    }
    let detail = "boards are being restored; nothing was done";
    Err(Problem::new(ErrorCode::StorageUnavailable, detail).retry_after(1).into())
}

/// The id that a body names is another brand's (docs/adr/0022-ids-are-the-nodes.md).
pub(super) fn id_taken(code: ErrorCode) -> ApiError {
    let detail = "id: another brand of this server uses it; one that begins with your brand's name \
                  stays free";
    let mut problem = Problem::new(code, detail);
    problem.field = Some("id".to_owned());
    problem.into()
}

/// A tournament's refusal as a problem.
pub(super) fn tournament_refusal(refusal: &lifecycle::Refusal) -> Problem {
    use lifecycle::Refusal as R;
    let code = match refusal {
        R::NotFound => ErrorCode::TournamentNotFound,
        R::AlreadyExists | R::IdCollision => ErrorCode::TournamentExists,
        R::Invalid(_) => ErrorCode::TournamentInvalid,
        R::Full => ErrorCode::TournamentFull,
        R::NotInvited => ErrorCode::NotInvited,
        R::NoSuchLine => ErrorCode::PayoutNotFound,
        R::SamePerson => ErrorCode::SamePerson,
        _ => ErrorCode::TournamentState,
    };
    Problem::new(code, refusal.to_string())
}

/// Replies that a handler did not expect from its own question.
pub(super) fn unexpected(reply: &Reply) -> ApiError {
    match reply {
        Reply::Failed(why) => (*why).into(),
        Reply::TournamentRefused(refusal) => tournament_refusal(refusal).into(),
        Reply::Refused(refusal) => Problem::refused(refusal, None).into(),
        _ => {
            tracing::error!("an actor gave an answer of another kind");
            ApiError::new(ErrorCode::Internal, "the server answered itself wrongly")
        }
    }
}

/// What actix says of a body it could not read.
pub(super) fn payload_error(error: actix_web::error::PayloadError) -> ApiError {
    match error {
        actix_web::error::PayloadError::Overflow => {
            ApiError::new(ErrorCode::BodyTooLarge, "the body is larger than this server takes")
        }
        _ => ApiError::new(ErrorCode::BadJson, "the body did not arrive whole"),
    }
}

/// A query whose parameters are not what the call takes. What actix says of it has no code.
pub(super) fn query_error(
    _: actix_web::error::QueryPayloadError,
    _: &HttpRequest,
) -> actix_web::Error {
    let detail = "a parameter of the query is not of its kind, or is there twice";
    ApiError::new(ErrorCode::InvalidField, detail).into()
}

/// A part of the path that can't be read: nothing has such an address.
pub(super) fn path_error(_: actix_web::error::PathError, _: &HttpRequest) -> actix_web::Error {
    ApiError::new(ErrorCode::NotFound, "there is nothing at this path").into()
}

/// What is asked for is not here yet, and will be in a moment.
pub(super) fn behind(detail: &str) -> ApiError {
    let problem = Problem::new(ErrorCode::StorageUnavailable, detail);
    Problem { retry_after_s: Some(1), ..problem }.into()
}
