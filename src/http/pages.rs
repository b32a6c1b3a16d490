//! The player's page: the files of `web/`, part of the binary.

use super::Server;
use super::caller;
use super::error::ApiError;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use palio_protocol::ErrorCode;
use rust_embed::RustEmbed;
use std::sync::OnceLock;

#[derive(RustEmbed)]
#[folder = "web/"]
struct Files;

const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; \
                      style-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The routes.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.route("/sw-assets.json", web::get().to(assets)).route("/", web::get().to(index));
    for path in Files::iter() {
        config.route(&format!("/{path}"), web::get().to(file));
    }
}

async fn index(request: HttpRequest, _: Data<Server>) -> Result<HttpResponse, ApiError> {
    serve(&request, "index.html")
}

async fn file(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    serve(&request, request.path().trim_start_matches('/'))
}

/// `GET /api/theme`: of the caller's tenant, or the public one.
pub(super) async fn theme(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let tenant = caller::tenant_or_public(&server, &request)?;
    let theme = server.themes.get(&tenant).ok_or_else(nothing)?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(theme))
}

fn nothing() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "there is nothing at this path")
}

fn serve(request: &HttpRequest, path: &str) -> Result<HttpResponse, ApiError> {
    let file = Files::get(path).ok_or_else(nothing)?;
    let etag = format!("\"{}\"", hex::encode(file.metadata.sha256_hash()));
    let known = request.headers().get(IF_NONE_MATCH).is_some_and(|value| *value == *etag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((ETAG, etag))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY));
    if known {
        return Ok(response.finish());
    }
    Ok(response.content_type(content_type(path)).body(file.data.into_owned()))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webmanifest") => "application/manifest+json",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

/// `GET /sw-assets.json`: what the service worker keeps, with a version that changes whenever
/// any file does.
async fn assets() -> HttpResponse {
    static LIST: OnceLock<String> = OnceLock::new();
    let list = LIST.get_or_init(|| {
        let mut hash = blake3::Hasher::new();
        let mut assets = vec!["/".to_owned()];
        let mut paths: Vec<_> = Files::iter().collect();
        paths.sort();
        for path in paths {
            if let Some(file) = Files::get(&path) {
                hash.update(path.as_bytes()).update(&file.metadata.sha256_hash());
            }
            let about = [".md", ".txt", "package.json"];
            let shell = !about.iter().any(|end| path.ends_with(end));
            if shell && path != "sw.js" && path != "index.html" {
                assets.push(format!("/{path}"));
            }
        }
        let version = hash.finalize().to_hex();
        serde_json::json!({"version": version.as_str(), "assets": assets}).to_string()
    });
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type("application/json")
        .body(list.clone())
}
