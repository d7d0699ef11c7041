//! `ringfence lsp`: the checks as a language server, for editors.
//!
//! The protocol is LSP 3.17 over stdin and stdout. A document is judged as it is in the editor, with what
//! `check` would use for its file: the command line, the nearest `ringfence.toml`, and the files that it
//! includes as they are on disk. All of that is read again each time, so that no setting can be stale.

mod actions;
mod compile_error;
mod diagnostics;
mod documents;
mod hover;
mod judged;
mod position;
mod wire;

use std::error::Error;
use std::sync::PoisonError;

use crossbeam_channel::RecvError;
use lsp_server::{Connection, ErrorCode, ExtractError, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument,
    DidSaveTextDocument, Notification as _, PublishDiagnostics,
};
use lsp_types::request::{CodeActionRequest, HoverRequest, RegisterCapability, Request as _};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability,
    DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern, HoverProviderCapability,
    InitializeParams, InitializeResult, Registration, RegistrationParams, SaveOptions, ServerCapabilities,
    ServerInfo, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
};
use serde_json::to_value;

use crate::args::Boot;
use crate::failure::Failure;
use documents::Documents;
use position::Encoding;
use wire::Wire;

/// Files that a judgement depends on beside its document.
const WATCHED: &str = "**/*.{dts,dtsi,dtso,h,toml}";

type Trouble = Box<dyn Error + Sync + Send>;

/// Serves one client on stdin and stdout until it asks for the end.
///
/// # Errors
/// When the client breaks the protocol, or closes the connection before it asked for the end.
pub fn serve(args: &Boot) -> Result<(), Failure> {
    let (connection, wire) = Wire::start();
    let served = run(&connection, args);
    // The writer ends with the channels that the connection holds.
    drop(connection);
    let ended = wire.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
    wire.finish();
    served.map_err(|error| {
        let why = error.to_string();
        // Why no message comes says more than that none does.
        let is_gone = error.is::<RecvError>() || why.contains("disconnected");
        Failure::new(format!("language server: {}", ended.filter(|_| is_gone).unwrap_or(why)))
    })
}

fn run(connection: &Connection, args: &Boot) -> Result<(), Trouble> {
    let (id, params) = connection.initialize_start()?;
    let client: InitializeParams = serde_json::from_value(params)?;
    let encoding = Encoding::negotiated(&client.capabilities);
    let server = InitializeResult {
        capabilities: capabilities(encoding),
        server_info: Some(ServerInfo {
            name: "ringfence".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    };
    connection.initialize_finish(id, to_value(server)?)?;
    if watches_files(&client) {
        connection.sender.send(watch()?)?;
    }
    let mut documents = Documents::new(args, encoding);
    loop {
        // What is typed faster than it is judged is judged once, when no message waits.
        let message = match documents.is_stale() {
            true => connection.receiver.try_recv().ok(),
            false => Some(connection.receiver.recv()?),
        };
        match message {
            None => documents.judge_next(),
            Some(Message::Request(request)) => {
                if connection.handle_shutdown(&request)? {
                    return Ok(());
                }
                connection.sender.send(answer(&mut documents, request).into())?;
            }
            Some(Message::Notification(notification)) => note(&mut documents, notification),
            Some(Message::Response(_)) => {}
        }
        for published in documents.published() {
            let method = PublishDiagnostics::METHOD.to_owned();
            connection.sender.send(Notification::new(method, published).into())?;
        }
    }
}

fn capabilities(encoding: Encoding) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::FULL),
            save: Some(SaveOptions { include_text: Some(false) }.into()),
            ..TextDocumentSyncOptions::default()
        })),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        ..ServerCapabilities::default()
    }
}

fn watches_files(client: &InitializeParams) -> bool {
    let workspace = client.capabilities.workspace.as_ref();
    let watched = workspace.and_then(|workspace| workspace.did_change_watched_files.as_ref());
    watched.and_then(|watched| watched.dynamic_registration).unwrap_or(false)
}

/// Asks the client to report changes of files that are not open.
fn watch() -> Result<Message, Trouble> {
    let watchers =
        vec![FileSystemWatcher { glob_pattern: GlobPattern::String(WATCHED.to_owned()), kind: None }];
    let registration = Registration {
        id: "watched".to_owned(),
        method: DidChangeWatchedFiles::METHOD.to_owned(),
        register_options: Some(to_value(DidChangeWatchedFilesRegistrationOptions { watchers })?),
    };
    let params = RegistrationParams { registrations: vec![registration] };
    let method = RegisterCapability::METHOD.to_owned();
    Ok(Request::new("watch".to_owned().into(), method, params).into())
}

fn answer(documents: &mut Documents<'_>, request: Request) -> Response {
    let id = request.id.clone();
    let answered = match request.method.as_str() {
        HoverRequest::METHOD => request.extract(HoverRequest::METHOD).map(|(_, params)| {
            let params: lsp_types::HoverParams = params;
            to_value(hover::hover(documents, &params.text_document_position_params))
        }),
        CodeActionRequest::METHOD => request.extract(CodeActionRequest::METHOD).map(|(_, params)| {
            let params: lsp_types::CodeActionParams = params;
            to_value(actions::actions(documents, &params))
        }),
        _ => Err(ExtractError::MethodMismatch(request)),
    };
    let (code, message) = match answered {
        Ok(Ok(result)) => return Response::new_ok(id, result),
        Ok(Err(error)) => (ErrorCode::InternalError, error.to_string()),
        Err(ExtractError::JsonError { error, .. }) => (ErrorCode::InvalidParams, error.to_string()),
        Err(ExtractError::MethodMismatch(request)) => {
            (ErrorCode::MethodNotFound, format!("no method {}", request.method))
        }
    };
    Response::new_err(id, code as i32, message)
}

/// Takes a notification. One that cannot be read is ignored, as the protocol wants it.
fn note(documents: &mut Documents<'_>, notification: Notification) {
    fn params<N: lsp_types::notification::Notification>(notification: Notification) -> Option<N::Params> {
        notification.extract(N::METHOD).ok()
    }
    match notification.method.as_str() {
        DidOpenTextDocument::METHOD => {
            if let Some(params) = params::<DidOpenTextDocument>(notification) {
                let document = params.text_document;
                documents.set(&document.uri, document.version, document.text);
            }
        }
        DidChangeTextDocument::METHOD => {
            if let Some(mut params) = params::<DidChangeTextDocument>(notification)
                && let Some(change) = params.content_changes.pop()
            {
                documents.set(&params.text_document.uri, params.text_document.version, change.text);
            }
        }
        DidCloseTextDocument::METHOD => {
            if let Some(params) = params::<DidCloseTextDocument>(notification) {
                documents.close(&params.text_document.uri);
            }
        }
        DidSaveTextDocument::METHOD | DidChangeWatchedFiles::METHOD => documents.expire(),
        _ => {}
    }
}
