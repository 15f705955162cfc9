use sternway_server::http::openapi;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// `STERNWAY_WRITE_OPENAPI=1` writes the file anew.
#[test]
fn given_the_document_that_is_checked_in_when_the_api_is_asked_then_they_are_the_same() {
    let now = openapi().to_pretty_json().expect("json") + "\n";
    if std::env::var_os("STERNWAY_WRITE_OPENAPI").is_some() {
        std::fs::write(PATH, &now).expect("written");
    }
    let kept = std::fs::read_to_string(PATH).expect("`server/openapi.json` is there");
    assert!(kept == now, "the API and `server/openapi.json` differ; run this test with STERNWAY_WRITE_OPENAPI=1");
}

#[test]
fn every_operation_says_what_it_answers_and_every_mutation_asks_for_a_key() {
    let document = serde_json::to_value(openapi()).expect("json");
    assert_eq!(document["openapi"], "3.1.0");
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            assert!(operation["responses"]["4XX"].is_object(), "{method} {path} says nothing of refusals");
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{method} {path} has no summary");
            for (status, response) in operation["responses"].as_object().expect("responses") {
                let said = response["description"].as_str().unwrap_or_default();
                assert!(!said.is_empty(), "{method} {path} says nothing of {status}");
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let keyed = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
            assert_eq!(keyed, method != "get", "{method} {path}");
        }
    }
}
