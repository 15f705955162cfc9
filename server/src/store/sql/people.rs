//! The configuration and the people: documents, accounts, sessions, tokens, settings.

use super::link::{Link, Row, args};
use super::tx::Tx;
use super::{all, body};
use crate::store::Result;
use crate::store::rows::*;
use sternway_domain::id::{Digest, PersonId, TokenId};
use sternway_domain::time::Timestamp;

/// A document that says what its newest version says gets no new version.
pub(super) async fn put_document(tx: &mut Tx, document: &DocumentWrite) -> Result<()> {
    const NEWEST: &str = "SELECT version, digest FROM document WHERE kind = $1 AND name = $2 \
        ORDER BY version DESC LIMIT 1";
    const ADD: &str = "INSERT INTO document (kind, name, version, digest, body, source, at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let DocumentWrite { kind, name, digest, body, source, at } = document;
    let version = match tx.one(NEWEST, args![kind, name]).await? {
        Some(newest) if newest.get::<String>("digest")? == digest.as_str() => return Ok(()),
        Some(newest) => newest.get::<i64>("version")? + 1,
        None => 1,
    };
    let values = args![kind, name, version, digest, body, source, *at];
    tx.add(ADD, values, || format!("version {version} of {kind} `{name}`")).await?;
    Ok(())
}

pub(super) async fn documents(link: Link<'_>, kind: &str) -> Result<Vec<DocumentRow>> {
    const NEWEST: &str = "SELECT kind, name, version, digest, body, source, at FROM document AS this \
        WHERE kind = $1 \
        AND version = (SELECT max(version) FROM document WHERE kind = this.kind AND name = this.name) ORDER BY name";
    all(&link.all(NEWEST, args![kind]).await?, read_document)
}

pub(super) async fn document(
    link: Link<'_>,
    kind: &str,
    name: &str,
    version: Option<i64>,
) -> Result<Option<DocumentRow>> {
    const ONE: &str = "SELECT kind, name, version, digest, body, source, at FROM document \
        WHERE kind = $1 AND name = $2 AND ($3 IS NULL OR version = $3) ORDER BY version DESC LIMIT 1";
    link.one(ONE, args![kind, name, version]).await?.as_ref().map(read_document).transpose()
}

pub(super) async fn document_by_digest(link: Link<'_>, digest: &Digest) -> Result<Option<DocumentRow>> {
    const NEWEST: &str = "SELECT kind, name, version, digest, body, source, at FROM document WHERE digest = $1 \
        ORDER BY at DESC, version DESC LIMIT 1";
    link.one(NEWEST, args![digest]).await?.as_ref().map(read_document).transpose()
}

pub(super) fn read_document(row: &Row) -> Result<DocumentRow> {
    Ok(DocumentRow {
        kind: row.get("kind")?,
        name: row.get("name")?,
        version: row.get("version")?,
        digest: row.parse("digest")?,
        body: row.get("body")?,
        source: row.get("source")?,
        at: row.time("at")?,
    })
}

/// Adds a person or changes the one with this id.
pub(super) async fn put(tx: &mut Tx, person: &PersonRow) -> Result<()> {
    const PUT: &str = "INSERT INTO person (id, login, name, role, password_hash, created_at, disabled_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET login = excluded.login, \
        name = excluded.name, role = excluded.role, password_hash = excluded.password_hash, \
        disabled_at = excluded.disabled_at";
    let PersonRow { id, login, name, role, password_hash, created_at, disabled_at } = person;
    let values = args![*id, login, name, role, password_hash, *created_at, *disabled_at];
    tx.add(PUT, values, || format!("login name `{login}`")).await?;
    Ok(())
}

pub(super) async fn end_all(tx: &mut Tx, person: PersonId, at: Timestamp) -> Result<()> {
    tx.run("DELETE FROM session WHERE person = $1", args![person]).await?;
    tx.run("UPDATE token SET revoked_at = $2 WHERE owner = $1 AND revoked_at IS NULL", args![person, at]).await?;
    Ok(())
}

pub(super) async fn list(link: Link<'_>) -> Result<Vec<PersonRow>> {
    const ALL: &str = "SELECT id, login, name, role, password_hash, created_at, disabled_at FROM person ORDER BY login";
    all(&link.all(ALL, vec![]).await?, read)
}

pub(super) async fn one(link: Link<'_>, id: PersonId) -> Result<Option<PersonRow>> {
    const ONE: &str = "SELECT id, login, name, role, password_hash, created_at, disabled_at FROM person WHERE id = $1";
    link.one(ONE, args![id]).await?.as_ref().map(read).transpose()
}

pub(super) async fn by_login(link: Link<'_>, login: &str) -> Result<Option<PersonRow>> {
    const ONE: &str = "SELECT id, login, name, role, password_hash, created_at, disabled_at FROM person \
        WHERE login = $1";
    link.one(ONE, args![login]).await?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<PersonRow> {
    Ok(PersonRow {
        id: row.parse("id")?,
        login: row.get("login")?,
        name: row.get("name")?,
        role: row.get("role")?,
        password_hash: row.get("password_hash")?,
        created_at: row.time("created_at")?,
        disabled_at: row.opt_time("disabled_at")?,
    })
}

pub(super) async fn put_session(link: Link<'_>, session: &SessionRow) -> Result<()> {
    const PUT: &str = "INSERT INTO session (hash, person, created_at, seen_at, expires_at, agent) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    let SessionRow { hash, person, created_at, seen_at, expires_at, agent } = session;
    link.run(PUT, args![hash.as_slice(), *person, *created_at, *seen_at, *expires_at, agent]).await?;
    Ok(())
}

pub(super) async fn session(link: Link<'_>, hash: &[u8]) -> Result<Option<SessionRow>> {
    const ONE: &str = "SELECT hash, person, created_at, seen_at, expires_at, agent FROM session WHERE hash = $1";
    let Some(row) = link.one(ONE, args![hash]).await? else {
        return Ok(None);
    };
    Ok(Some(SessionRow {
        hash: row.get("hash")?,
        person: row.parse("person")?,
        created_at: row.time("created_at")?,
        seen_at: row.time("seen_at")?,
        expires_at: row.time("expires_at")?,
        agent: row.get("agent")?,
    }))
}

pub(super) async fn touch_session(link: Link<'_>, hash: &[u8], seen_at: Timestamp) -> Result<()> {
    link.run("UPDATE session SET seen_at = $2 WHERE hash = $1", args![hash, seen_at]).await?;
    Ok(())
}

pub(super) const END_SESSION: &str = "DELETE FROM session WHERE hash = $1";

pub(super) async fn end_session(link: Link<'_>, hash: &[u8]) -> Result<()> {
    link.run(END_SESSION, args![hash]).await?;
    Ok(())
}

/// Adds a token or changes the one with this id. When it was last used only its use says.
pub(super) async fn put_token(tx: &mut Tx, token: &TokenRow) -> Result<()> {
    const PUT: &str = "INSERT INTO token (id, owner, name, role, hash, created_at, expires_at, used_at, revoked_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
        role = excluded.role, hash = excluded.hash, expires_at = excluded.expires_at, \
        revoked_at = excluded.revoked_at";
    let TokenRow { id, owner, name, role, hash, created_at, expires_at, used_at, revoked_at } = token;
    let values = args![*id, *owner, name, role, hash.as_slice(), *created_at, *expires_at, *used_at, *revoked_at];
    tx.run(PUT, values).await?;
    Ok(())
}

pub(super) async fn tokens(link: Link<'_>, owner: PersonId) -> Result<Vec<TokenRow>> {
    const OF_OWNER: &str = "SELECT id, owner, name, role, hash, created_at, expires_at, used_at, revoked_at FROM token \
        WHERE owner = $1 ORDER BY created_at, id";
    all(&link.all(OF_OWNER, args![owner]).await?, read_token)
}

pub(super) async fn token(link: Link<'_>, id: TokenId) -> Result<Option<TokenRow>> {
    const ONE: &str = "SELECT id, owner, name, role, hash, created_at, expires_at, used_at, revoked_at FROM token \
        WHERE id = $1";
    link.one(ONE, args![id]).await?.as_ref().map(read_token).transpose()
}

fn read_token(row: &Row) -> Result<TokenRow> {
    Ok(TokenRow {
        id: row.parse("id")?,
        owner: row.parse("owner")?,
        name: row.get("name")?,
        role: row.get("role")?,
        hash: row.get("hash")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        used_at: row.opt_time("used_at")?,
        revoked_at: row.opt_time("revoked_at")?,
    })
}

pub(super) async fn touch_token(link: Link<'_>, id: TokenId, used_at: Timestamp) -> Result<()> {
    link.run("UPDATE token SET used_at = $2 WHERE id = $1", args![id, used_at]).await?;
    Ok(())
}

pub(super) async fn setting(link: Link<'_>, key: &str) -> Result<Option<String>> {
    body(link.one("SELECT value AS body FROM setting WHERE key = $1", args![key]).await?)
}

pub(super) async fn put_setting(link: Link<'_>, key: &str, value: &str) -> Result<()> {
    const PUT: &str = "INSERT INTO setting (key, value) VALUES ($1, $2) \
        ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    link.run(PUT, args![key, value]).await?;
    Ok(())
}

pub(super) async fn take_setting(link: Link<'_>, key: &str) -> Result<Option<String>> {
    body(link.one("DELETE FROM setting WHERE key = $1 RETURNING value AS body", args![key]).await?)
}
