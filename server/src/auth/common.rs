//! Passwords that are tried first. Refused whatever their case, also with digits or signs at their end.

/// At least eight letters once completed; shorter ones are refused by length, and stand here as beginnings.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "pa55word",
    "pa$$word",
    "motdepasse",
    "contrasena",
    "12345678",
    "123456789",
    "1234567890",
    "87654321",
    "987654321",
    "0987654321",
    "11111111",
    "111111111",
    "00000000",
    "12341234",
    "11223344",
    "123123123",
    "123321123",
    "12344321",
    "99999999",
    "88888888",
    "77777777",
    "66666666",
    "qwertyui",
    "qwertyuiop",
    "qwerty",
    "qwertz",
    "qwertzui",
    "azerty",
    "azertyui",
    "asdfghjk",
    "asdfghjkl",
    "zxcvbnm",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "q1w2e3r4",
    "qazwsxedc",
    "zaq12wsx",
    "abcdefgh",
    "abcd1234",
    "abc12345",
    "abc123",
    "a1b2c3d4",
    "aaaaaaaa",
    "iloveyou",
    "ilovegod",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "basketball",
    "superman",
    "batman",
    "spiderman",
    "pokemon",
    "starwars",
    "trustno1",
    "whatever",
    "computer",
    "internet",
    "samsung",
    "mercedes",
    "corvette",
    "mustang",
    "liverpool",
    "chelsea",
    "arsenal",
    "barcelona",
    "michelle",
    "jennifer",
    "jessica",
    "charlie",
    "michael",
    "jordan",
    "letmein",
    "welcome",
    "changeme",
    "changeit",
    "default",
    "secret",
    "topsecret",
    "administrator",
    "admin",
    "adminadmin",
    "rootroot",
    "root",
    "toor",
    "testtest",
    "test",
    "guest",
    "master",
    "monkey",
    "dragon",
    "shadow",
    "hunter",
    "killer",
    "freedom",
    "blink182",
    "access14",
    "sternway",
    "canary",
    "rollback",
    "deploy",
    "release",
    "correcthorsebatterystaple",
];

/// Whether a password is one of those that are tried first.
pub(super) fn common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let bare = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    let first = lower.chars().next();
    COMMON.iter().any(|known| lower == *known || bare == *known) || lower.chars().all(|c| Some(c) == first)
}

#[cfg(test)]
mod tests {
    use super::common;

    #[test]
    fn what_is_tried_first_is_refused_and_a_phrase_is_not() {
        for tried in ["password", "Password1!", "qwerty2026", "12345678", "ssssssssss", "Welcome123"] {
            assert!(common(tried), "{tried} was taken");
        }
        for fine in ["slow tides at noon", "password of the harbour", "x7#kQ9!zLw"] {
            assert!(!common(fine), "{fine} was refused");
        }
    }
}
