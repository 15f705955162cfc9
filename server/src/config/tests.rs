use super::*;

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("sternway.toml");
    std::fs::write(&path, text).expect("written");
    (dir, path)
}

fn nothing(_: &str) -> Option<String> {
    None
}

#[test]
fn given_file_environment_and_flag_when_collected_then_the_later_one_counts_and_says_so() {
    let (_dir, path) = file(
        "listen = \"127.0.0.1:1\"\n[log]\nfilter = \"debug\"\n[outbound]\nallow = [\"10.0.0.0/8\", \"192.0.2.7\"]\n",
    );
    let env = |name: &str| (name == "STERNWAY_LOG_FILTER").then(|| "warn".to_owned());
    let flags = SettingFlags::default().set("listen", "127.0.0.1:2");
    let effective = Effective::collect(Some(&path), env, &flags).expect("collected");
    let config = effective.config().expect("checked");
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.log_filter, "warn");
    assert_eq!(config.outbound_allow.len(), 2);
    let from: Vec<String> = effective.shown().map(|(setting, _, from)| format!("{} {from}", setting.key)).collect();
    assert!(from.contains(&"listen --listen".to_owned()), "{from:?}");
    assert!(from.contains(&"log.filter $STERNWAY_LOG_FILTER".to_owned()), "{from:?}");
    assert!(from.contains(&format!("outbound.allow {}:5", path.display())), "{from:?}");
}

#[test]
fn given_a_wrong_file_when_read_then_file_line_and_key_are_named() {
    for (text, line, told) in [
        ("listen = \"127.0.0.1:1\"\nlissten = 1\n", 2, "no setting `lissten`"),
        ("\n[log]\nfromat = \"json\"\n", 3, "no setting `log.fromat`"),
        ("listen = \n", 1, ""),
        ("[log]\nformat = \"xml\"\n", 2, "`log.format` is `xml`: write `auto`"),
        ("listen = 3000\n", 1, "`listen` is `3000`: write an address"),
    ] {
        let (_dir, path) = file(text);
        let read = Effective::collect(Some(&path), nothing, &SettingFlags::default()).and_then(|all| all.config());
        let error = read.expect_err(text).to_string();
        assert!(error.contains(&format!("{}:{line}: ", path.display())) && error.contains(told), "{error}");
    }
}

#[test]
fn given_a_database_with_a_password_when_shown_then_it_is_hidden() {
    let env = |name: &str| (name == "DATABASE_URL").then(|| "postgres://sternway:s3cret@db/sternway".to_owned());
    let (_dir, path) = file("");
    let effective = Effective::collect(Some(&path), env, &SettingFlags::default()).expect("collected");
    let shown: Vec<String> = effective.shown().map(|(_, value, _)| value).collect();
    assert!(shown.iter().all(|value| !value.contains("s3cret")), "{shown:?}");
    assert!(shown.contains(&"postgres://sternway:hidden@db/sternway".to_owned()), "{shown:?}");
}

#[test]
fn given_connections_and_channels_when_read_then_they_are_there_and_never_shown() {
    let (_dir, path) = file(
        "[connections.orders]\nurl = \"postgres://me:s3cret@db/orders\"\n[connections.cache]\nurl_file = \"/run/cache\"\n\
         [channels.ops]\nwebhook = \"https://chat/hooks/s3cret\"\nsecret_env = \"STERNWAY_SECRET_OPS\"\n\
         [deploy]\ncommands = [\"/bin/a\", \"/bin/b\"]\n",
    );
    let effective = Effective::collect(Some(&path), nothing, &SettingFlags::default()).expect("collected");
    let config = effective.config().expect("checked");
    assert_eq!(config.steps.commands, ["/bin/a", "/bin/b"]);
    assert_eq!((config.steps.connections.len(), config.steps.channels.len()), (2, 1));
    let shown: Vec<String> = effective.named().map(|(key, value, from)| format!("{key} {value} {from}")).collect();
    let at = |line: u8| format!("{}:{line}", path.display());
    assert_eq!(
        shown,
        [
            format!("connections.cache in /run/cache {}", at(3)),
            format!("connections.orders hidden {}", at(1)),
            format!("channels.ops hidden {}", at(5)),
        ]
    );
    assert!(!format!("{config:?} {effective:?}").contains("s3cret"));
}

#[test]
fn given_a_wrong_connection_when_read_then_its_place_is_named_and_its_value_is_not() {
    for (text, line, told) in [
        ("[connections.orders]\nurll = \"s3cret\"\n", 1, "`connections.orders`: give it `url_file`"),
        ("[connections.orders]\nurl = \"s3cret\"\nmore = 1\n", 3, "no setting `connections.orders.more`"),
        ("[connections.orders]\nurl = \"s3cret\"\nurl_file = \"/x\"\n", 3, "only one of"),
        ("[connections.orders]\nurl_file = \"s3cret\"\n", 2, "an absolute path"),
        ("[connections.\"a b\"]\nurl = \"s3cret\"\n", 1, "is not a name"),
        ("[channels]\nops = \"s3cret\"\n", 2, "write a table"),
        ("[channels.ops]\nwebhook_env = \"DATABASE_URL\"\n", 2, "STERNWAY_SECRET_"),
        ("connections = 1\n", 1, "write a table"),
        ("[deploy]\ncommands = [\"deploy\"]\n", 2, "not an absolute path"),
    ] {
        let (_dir, path) = file(text);
        let read = Effective::collect(Some(&path), nothing, &SettingFlags::default()).and_then(|all| all.config());
        let error = read.expect_err(text).to_string();
        assert!(error.contains(&format!("{}:{line}: ", path.display())) && error.contains(told), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

const WITNESS: &str = "w.example+7e1a4b0c+BA";

/// A key as witnesses give it to operators.
fn witness(name: &str, kind: sternway_domain::audit::note::KeyKind) -> String {
    sternway_domain::audit::note::SignerKey::new(name, kind, [3; 32]).expect("a good name").verifier().to_string()
}

#[test]
fn given_witnesses_when_read_then_they_are_there_and_all_are_wanted() {
    use sternway_domain::audit::note::KeyKind::Witness;
    let two = format!(
        "[log]\nfilter = \"warn\"\nwitness_every = \"5m\"\n[[log.witnesses]]\nurl = \"https://w1.example/at\"\nkey = \"{}\"\n\
         [[log.witnesses]]\nurl = \"http://127.0.0.1:1\"\nkey = \"{}\"\n",
        witness("w1.example", Witness),
        witness("w2.example", Witness)
    );
    let (_dir, path) = file(&two);
    let effective = Effective::collect(Some(&path), nothing, &SettingFlags::default()).expect("collected");
    let witnesses = effective.config().expect("checked").log_witnesses;
    assert_eq!((witnesses.list.len(), witnesses.wanted, witnesses.every), (2, 2, Duration::from_secs(300)));
    assert_eq!(witnesses.list[1].key.name(), "w2.example");
    let shown: Vec<String> = effective.named().map(|(key, value, _)| format!("{key} {value}")).collect();
    assert_eq!(shown[0], format!("log.witnesses[0] {} https://w1.example/at", witness("w1.example", Witness)));
    let one = SettingFlags::default().set("log-witnesses-wanted", "1");
    let effective = Effective::collect(Some(&path), nothing, &one).expect("collected");
    assert_eq!(effective.config().expect("checked").log_witnesses.wanted, 1);
    let three = SettingFlags::default().set("log-witnesses-wanted", "3");
    let error = Effective::collect(Some(&path), nothing, &three).and_then(|all| all.config()).expect_err("too many");
    assert!(error.to_string().contains("at most 2"), "{error}");
}

#[test]
fn given_a_wrong_witness_when_read_then_its_place_is_named() {
    use sternway_domain::audit::note::KeyKind::{Plain, Witness};
    let good = witness("w.example", Witness);
    let log = witness("log.example", Plain);
    for (text, told) in [
        (format!("[[log.witnesses]]\nurl = \"https://w\"\nkey = \"{WITNESS}\"\n"), "not a verifier key"),
        (format!("[[log.witnesses]]\nurl = \"https://w\"\nkey = \"{log}\"\n"), "key of a log, not of a witness"),
        (format!("[[log.witnesses]]\nurl = \"ftp://w\"\nkey = \"{good}\"\n"), "write its address"),
        ("[[log.witnesses]]\nurl = \"https://w\"\n".to_owned(), "give it `url` and `key`"),
        (format!("[[log.witnesses]]\nurl = \"https://w\"\nvkey = \"{good}\"\n"), "log.witnesses[0].vkey"),
        ("[log]\nwitnesses = \"w\"\n".to_owned(), "write a table `[[log.witnesses]]`"),
        ("[log]\nwitnesses = [\"w\"]\n".to_owned(), "write a table with `url` and `key`"),
        ("[[log.witnesses]]\nurl = 1\nkey = 2\n".to_owned(), "write a text"),
        (format!("[[log.witnesses]]\nurl = \"https://w\"\nkey = \"{good}\"\n").repeat(2), "two witnesses `w.example`"),
    ] {
        let (_dir, path) = file(&text);
        let read = Effective::collect(Some(&path), nothing, &SettingFlags::default()).and_then(|all| all.config());
        let error = read.expect_err(&text).to_string();
        assert!(error.contains(&format!("{}:", path.display())) && error.contains(told), "{text}: {error}");
    }
}

#[test]
fn given_channels_of_every_kind_when_read_then_alarms_name_them_and_nobody_told_is_a_doubt() {
    let text = "alarms = [\"ops\", \"oncall\"]\n[channels.ops]\nwebhook = \"https://x/s3cret\"\n\
        [channels.chat]\nkind = \"slack\"\nwebhook_file = \"/etc/chat.url\"\n\
        [channels.oncall]\nkind = \"pagerduty\"\nrouting_key_env = \"STERNWAY_SECRET_PD\"\n";
    let (_dir, path) = file(text);
    let effective = Effective::collect(Some(&path), nothing, &SettingFlags::default()).expect("collected");
    let config = effective.config().expect("checked");
    assert_eq!(config.alarms, ["ops", "oncall"]);
    let shown: Vec<String> = effective.named().map(|(key, value, _)| format!("{key} {value}")).collect();
    let expected = [
        "channels.chat Slack, in /etc/chat.url",
        "channels.oncall PagerDuty, $STERNWAY_SECRET_PD",
        "channels.ops hidden",
    ];
    assert_eq!(shown, expected);
    let nobody = |config: &Config| config.doubts().iter().any(|doubt| doubt.contains("nobody is told"));
    assert!(!nobody(&config), "{:?}", config.doubts());
    let none = SettingFlags::default().set("alarms", "");
    assert!(nobody(&Effective::collect(Some(&path), nothing, &none).and_then(|all| all.config()).expect("checked")));

    for (text, line, told) in [
        ("alarms = [\"pager\"]\n", 1, "there is no channel `pager`; set it up as `[channels.pager]`"),
        ("[channels.a]\nkind = \"mail\"\nwebhook = \"https://x\"\n", 2, "write `webhook`, `slack` or `pagerduty`"),
        ("[channels.a]\nkind = 7\n", 2, "`channels.a.kind`: write a text"),
        ("[channels.a]\nkind = \"slack\"\n", 1, "give it `webhook`"),
        ("[channels.a]\nkind = \"pagerduty\"\n", 1, "give it `routing_key_file`"),
        ("[channels.a]\nkind = \"slack\"\nwebhook = \"https://x\"\nsecret = \"s\"\n", 4, "`channels.a.secret`"),
    ] {
        let (_dir, path) = file(text);
        let read = Effective::collect(Some(&path), nothing, &SettingFlags::default()).and_then(|all| all.config());
        let error = read.expect_err(text).to_string();
        assert!(error.contains(&format!("{}:{line}: ", path.display())) && error.contains(told), "{text}: {error}");
    }
}

#[test]
fn given_secrets_and_what_each_replica_has_of_its_own_when_recorded_then_neither_is_there() {
    let text = "listen = \"127.0.0.1:9\"\nreplica = \"a\"\nstate = \"/var/a\"\n[log]\nkey = \"PRIVATE+KEY+s3cret\"\n\
        [emergency]\nspool = \"/var/spool\"\nservices = \"/var/services\"\n[connections.orders]\nurl = \"postgres://u:s3cret@db/o\"\n\
        [channels.ops]\nwebhook = \"https://x/s3cret\"\nsecret = \"s3cret\"\n";
    let (_dir, path) = file(text);
    let recorded = |database: &str| {
        let flags = SettingFlags::default().set("database", database);
        Effective::collect(Some(&path), nothing, &flags).expect("collected").recorded()
    };
    let settings = recorded("postgres://u:s3cret@db/s?sslmode=verify-full");
    assert!(!settings.text().contains("s3cret"), "{settings:?}");
    assert!(!recorded("postgres://u@db/s?password=s3cret").text().contains("s3cret"));
    for (key, value) in [
        ("database", "postgres://u:hidden@db/s?sslmode=verify-full"),
        ("log.key", "hidden"),
        ("log.retention.texts", ""),
        ("connections.orders", "hidden"),
        ("channels.ops", "hidden"),
    ] {
        assert_eq!(settings.settings.get(key).map(String::as_str), Some(value), "{key}");
    }
    let own = ["listen", "replica", "state", "emergency.spool", "emergency.services"];
    assert!(own.iter().all(|key| !settings.settings.contains_key(*key)), "{settings:?}");
    assert_eq!(settings.settings.len(), SETTINGS.len() - own.len() + 2);
}
