//! What one decision put into what is folded of many: objects with their moment, which stand in its events as they stand in
//! the fold, byte by byte.

use super::words::{end_of, without};

/// Objects as they were, and without the texts.
#[derive(Default)]
pub(super) struct Part(Vec<(String, String)>);

impl Part {
    /// Takes note of what an event holds.
    pub(super) fn take(&mut self, event: &str, texts: &[&str], instead: &str) {
        let objects = objects(event).into_iter().filter(|object| object.contains("\"at\":"));
        self.0.extend(objects.filter_map(|object| Some((object.to_owned(), without(object, texts, instead)?))));
    }

    /// The fold without what is noted; `None`: nothing of it is there.
    pub(super) fn out_of(&self, fold: &str) -> Option<String> {
        let mut left = None;
        for (was, is) in &self.0 {
            let body = left.as_deref().unwrap_or(fold);
            if body.contains(was.as_str()) {
                left = Some(body.replace(was.as_str(), is));
            }
        }
        left
    }
}

/// Every object within this one, the outer ones first.
fn objects(json: &str) -> Vec<&str> {
    let (mut open, mut found, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(next) = json[at..].find(['"', '{', '}']).map(|next| next + at) {
        at = next + 1;
        match json.as_bytes()[next] {
            b'{' => open.push(next),
            b'}' => found.extend(open.pop().filter(|from| *from > 0).map(|from| &json[from..at])),
            _ => match end_of(&json[next..]) {
                Some(length) => at = next + length,
                None => break,
            },
        }
    }
    found.sort_by_key(|object| std::cmp::Reverse(object.len()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_two_flips_of_one_person_then_only_the_one_of_this_event_goes_out_of_the_fold() {
        let flip = |at: u8| format!(r#"{{"environment":"{at}","by":"Maya","reason":"a }} \" {{","at":{at}}}"#);
        let fold = format!(r#"{{"flips":{{"1":{},"2":{}}},"version":3}}"#, flip(1), flip(2));
        let mut part = Part::default();
        part.take(&format!(r#"{{"event":"flipped","flip":{}}}"#, flip(1)), &["Maya"], "gone");
        let expected = fold.replacen("Maya", "gone", 1);
        assert_eq!(part.out_of(&fold).as_deref(), Some(expected.as_str()));
        assert_eq!(part.out_of(&expected), None);
    }

    #[test]
    fn given_an_object_without_a_moment_then_it_may_be_of_others() {
        let mut part = Part::default();
        part.take(r#"{"flip":{"by":"Maya"},"at":1}"#, &["Maya"], "gone");
        assert_eq!(part.out_of(r#"{"last":{"by":"Maya"}}"#), None);
    }
}
