//! Finding acts by words of what they say. There is no index of them: none could be left behind when a text is taken out.

use unicode_normalization::UnicodeNormalization as _;

/// More are not looked for: nobody types them.
const MOST: usize = 16;

/// What somebody typed, word by word: what stands between signs and spaces, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// `None` if there is no word in it, which nothing matches.
    pub fn typed(text: &str) -> Option<Self> {
        let text: String = text.nfc().collect();
        let words: Vec<String> = words(&text.to_lowercase()).take(MOST).map(str::to_owned).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// Whether each is the beginning of a word in one of these texts.
    pub fn are_in(&self, texts: &[&str]) -> bool {
        let texts = texts.join("\n").to_lowercase();
        self.0.iter().all(|wanted| words(&texts).any(|word| word.starts_with(wanted.as_str())))
    }

    /// What any such text holds if its ASCII letters are made small, and `İ` an `i`: the longest piece of a word in which no
    /// other letter has two cases. May be empty.
    pub fn piece(&self) -> &str {
        let pieces = self.0.iter().flat_map(|word| word.split(|c: char| !c.is_ascii() && has_cases(c)));
        pieces.max_by_key(|piece| piece.len()).unwrap_or_default()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn has_cases(c: char) -> bool {
    !(c.to_uppercase().eq([c]) && c.to_lowercase().eq([c]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(typed: &str, texts: &[&str]) -> bool {
        let words = Words::typed(typed).expect("a word");
        let folded = texts.join("\n").replace('İ', "i").to_ascii_lowercase();
        let found = words.are_in(texts);
        assert!(!found || folded.contains(words.piece()), "{:?} is not in {folded}", words.piece());
        found
    }

    #[test]
    fn each_word_is_the_beginning_of_one_and_case_and_order_do_not_matter() {
        let texts = ["Errors at 3 %, see INC-4711", "Maya Ortiz", "checkout"];
        for typed in ["err", "ORTIZ errors", "inc 4711", "INC-47", "3", "check maya"] {
            assert!(found(typed, &texts), "{typed}");
        }
        for typed in ["rrors", "errors out", "33", "check ortis"] {
            assert!(!found(typed, &texts), "{typed}");
        }
    }

    #[test]
    fn letters_of_any_script_are_found_in_any_case_and_behind_any_sign() {
        assert!(found("ögün", &["€ÖGÜN"]) && found("ÄRGER", &["viel Ärger"]) && found("größe", &["GRÖßE 3"]));
        assert!(found("o\u{308}gu\u{308}n", &["Ögün"]), "as some keyboards write it");
        assert!(found("部署", &["部署失败"]) && !found("失败", &["部署失败"]));
        assert!(found("DEMİR", &["Ayşe DEMİR"]) && !found("ogun", &["Ögün"]));
        let piece = |typed: &str| Words::typed(typed).expect("a word").piece().to_owned();
        assert_eq!([piece("ÖGÜN"), piece("größe"), piece("部署 a"), piece("Ж")], ["n", "gr", "部署", ""]);
    }

    #[test]
    fn nothing_typed_is_no_word_and_there_are_not_too_many() {
        assert_eq!((Words::typed(""), Words::typed("%_'\";--")), (None, None));
        assert_eq!(Words::typed(&"a ".repeat(99)).expect("words").0.len(), MOST);
    }
}
