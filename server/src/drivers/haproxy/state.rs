//! What HAProxy says about the servers of a backend: `show servers state` (version 1) and `show stat` (CSV). Pure text.

use std::collections::HashMap;

/// One server as HAProxy sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) name: String,
    /// Running and not in maintenance or draining by an administrator: takes traffic if it has weight.
    pub(super) ready: bool,
    /// The weight that was set, 0-256.
    pub(super) weight: u16,
    /// The weight that counts now; smaller during slow start.
    pub(super) effective: u64,
    /// Takes traffic only when no other server can.
    pub(super) backup: bool,
    /// Sessions it is working on and requests that wait for it; nothing when HAProxy does not say.
    pub(super) in_flight: Option<u64>,
}

/// What `show stat` says of one server.
#[derive(Debug, Clone, Copy)]
struct Stat {
    weight: u64,
    backup: bool,
    in_flight: Option<u64>,
}

/// All that these servers are working on; nothing as soon as it is not known of one of them.
pub(super) fn in_flight(servers: &[Server], names: &[String]) -> Option<u64> {
    let found: Vec<&Server> = servers.iter().filter(|server| names.contains(&server.name)).collect();
    if found.len() == names.len() { found.iter().map(|server| server.in_flight).sum() } else { None }
}

/// Reads both answers. `Err` quotes what was not understood.
pub(super) fn servers(state: &str, stat: &str) -> Result<Vec<Server>, String> {
    let mut lines = state.lines();
    if lines.next().map(str::trim) != Some("1") {
        return Err(sentence(state));
    }
    let header = lines.next().and_then(|line| line.strip_prefix('#')).ok_or_else(|| sentence(state))?;
    let stats = stats(stat)?;
    let column = columns(header.split_whitespace());
    let mut found = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let cell = |name: &str| column.get(name).and_then(|&i| cells.get(i).copied());
        let number = |name: &str| cell(name).and_then(|text| text.parse::<u16>().ok());
        let (Some(name), Some(running), Some(admin), Some(weight)) =
            (cell("srv_name"), number("srv_op_state"), number("srv_admin_state"), number("srv_uweight"))
        else {
            return Err(sentence(line));
        };
        let unseen = Stat { weight: u64::from(weight), backup: false, in_flight: None };
        let Stat { weight: effective, backup, in_flight } = stats.get(name).copied().unwrap_or(unseen);
        // 0 stopped, 1 starting (slow start), 2 running, 3 stopping.
        let ready = matches!(running, 1 | 2) && admin == 0;
        found.push(Server { name: name.to_owned(), ready, weight, effective, backup, in_flight });
    }
    Ok(found)
}

/// By server.
fn stats(stat: &str) -> Result<HashMap<&str, Stat>, String> {
    let mut lines = stat.lines();
    let header = lines.next().and_then(|line| line.strip_prefix("# ")).ok_or_else(|| sentence(stat))?;
    let column = columns(header.split(','));
    let mut found = HashMap::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| column.get(name).and_then(|&i| cells.get(i).copied());
        if let (Some(name), Some(Ok(weight))) = (cell("svname"), cell("weight").map(str::parse)) {
            let number = |name: &str| cell(name).and_then(|text| text.parse::<u64>().ok());
            let in_flight = number("scur").map(|current| current + number("qcur").unwrap_or(0));
            found.insert(name, Stat { weight, backup: cell("bck") == Some("1"), in_flight });
        }
    }
    Ok(found)
}

fn columns<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    names.enumerate().map(|(i, name)| (name, i)).collect()
}

/// What HAProxy said, fit for a message: its first line without control characters.
pub(super) fn sentence(answer: &str) -> String {
    let line = answer.lines().find(|line| !line.trim().is_empty()).unwrap_or("an empty answer");
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATE: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight\n\
        3 web 1 s1 127.0.0.1 2 0 100 100\n3 web 2 c1 127.0.0.1 0 0 20 0\n3 web 3 d1 127.0.0.1 2 8 7 7\n3 web 4 b1 127.0.0.1 2 0 1 1\n\n";
    const STAT: &str = "# pxname,svname,status,weight,act,bck,\nweb,s1,no check,50,1,0,\nweb,c1,DOWN,20,1,0,\nweb,d1,DRAIN,7,1,0,\nweb,b1,UP,1,0,1,\n\n";

    #[test]
    fn running_servers_are_ready_unless_an_administrator_took_them_out() {
        let servers = servers(STATE, STAT).expect("both answers are well-formed");
        let ready: Vec<_> = servers.iter().map(|s| (s.name.as_str(), s.ready, s.effective, s.backup)).collect();
        assert_eq!(
            ready,
            [("s1", true, 50, false), ("c1", false, 20, false), ("d1", false, 7, false), ("b1", true, 1, true)]
        );
    }

    #[test]
    fn what_is_in_flight_is_known_of_all_or_not_at_all() {
        let stat = "# pxname,svname,qcur,scur,weight,bck,\nweb,s1,0,9,1,0,\nweb,c1,2,3,1,0,\nweb,d1,0,,1,0,\n";
        let servers = servers(STATE, stat).expect("both answers are well-formed");
        let of = |names: &[&str]| in_flight(&servers, &names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!([of(&["c1"]), of(&["c1", "s1"]), of(&["c1", "d1"]), of(&["gone"])], [Some(5), Some(14), None, None]);
    }

    #[test]
    fn a_sentence_instead_of_a_table_is_handed_on() {
        assert_eq!(servers("Can't find backend.\n\n", STAT), Err("Can't find backend.".to_owned()));
        assert_eq!(servers(STATE, "No such proxy.\n"), Err("No such proxy.".to_owned()));
        assert!(servers("", "").is_err());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(state in ".{0,200}", stat in ".{0,200}", cut in 0usize..300) {
            let _ = servers(&state, &stat);
            let _ = servers(&STATE[..cut.min(STATE.len())], STAT);
        }
    }
}
