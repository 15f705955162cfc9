//! What every store promises, asked of SQLite and of a real PostgreSQL.

mod store_contract {
    mod support;
}

use sternway_server::store;

#[tokio::test]
async fn smoke() {
    let dir = tempfile::tempdir().unwrap();
    let store = store::open(&format!("sqlite:{}", dir.path().join("s.db").display())).await.unwrap();
    assert_eq!(store.last_position().await.unwrap(), 0);
    store.ping().await.unwrap();
}
