//! What the pages show, as plain data, already worded: a page decides where a thing stands, never what it says.
//!
//! Texts called *marked* may hold `` `names` `` and `**weight**`; [`crate::components::marked::Marked`] draws them. All
//! other texts are drawn as they are. Times come as [`When`], formatted on the server, so that nothing differs between
//! server and browser. Numbers have their unit and a no-break space.

pub mod act;
pub mod board;
pub mod chart;
pub mod data;
pub mod decision;
pub mod door;
pub mod flag;
pub mod new_release;
#[cfg(feature = "ssr")]
pub mod redact;
#[cfg(feature = "ssr")]
pub mod rehearsal;
pub mod release;
pub mod runbook;
pub mod service;

use serde::{Deserialize, Serialize};

/// A moment, for machines and for eyes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct When {
    /// RFC 3339, UTC: `2026-11-19T14:03:10Z`.
    pub iso: String,
    /// As shown: `14:03:10`, or `17 Nov` when it is not today.
    pub shown: String,
    /// How long before the page was made: `2 s ago`. Empty where it is of no use.
    pub ago: String,
}

/// What Sternway does about a thing. `Plain` says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    #[default]
    Plain,
    /// May promote; what is well stays unfilled.
    Go,
    /// Stops increases.
    Caution,
    /// May roll back.
    Stop,
    /// Waits.
    Hold,
    /// Neither good nor bad: links, people, the canary.
    Accent,
    /// Went back, and is well: only for pills.
    Back,
}

impl Tone {
    /// The class that colours an icon or a word; empty for `Plain`.
    pub fn is(self) -> &'static str {
        match self {
            Tone::Plain | Tone::Back => "",
            Tone::Go => "is-go",
            Tone::Caution => "is-caution",
            Tone::Stop => "is-stop",
            Tone::Hold => "is-hold",
            Tone::Accent => "is-accent",
        }
    }

    /// `go`, `caution` …: the end of a component's class.
    pub fn name(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Go => "go",
            Tone::Caution => "caution",
            Tone::Stop => "stop",
            Tone::Hold => "hold",
            Tone::Accent => "accent",
            Tone::Back => "back",
        }
    }
}

macro_rules! icons {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// The icons of `style/icons.svg`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Icon {
            #[default]
            $($variant),+
        }

        impl Icon {
            pub const ALL: &[Icon] = &[$(Icon::$variant),+];

            /// The name of the symbol, without `i-`.
            pub fn name(self) -> &'static str {
                match self { $(Icon::$variant => $name),+ }
            }

            /// `#i-pass`: what `<use>` refers to.
            pub fn href(self) -> &'static str {
                match self { $(Icon::$variant => concat!("#i-", $name)),+ }
            }
        }
    };
}

icons! {
    Info = "info", Pass = "pass", Suspect = "suspect", Fail = "fail", Hold = "hold", Insufficient = "insufficient",
    NoData = "no-data", ProviderDown = "provider-down", ConfigError = "config-error", Rollback = "rollback",
    Rollforward = "rollforward", Promote = "promote", Freeze = "freeze", Clock = "clock", Person = "person",
    Automation = "automation", Proof = "proof", Lock = "lock", Search = "search", Down = "down", Right = "right",
    Plus = "plus", Close = "close", Menu = "menu", Switch = "switch", Data = "data", Anchor = "anchor",
    Artifact = "artifact", Told = "told", StepDone = "step-done", StepNow = "step-now", StepTodo = "step-todo",
    External = "external",
}

/// A word with its icon: the state of a release, a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PillView {
    pub tone: Tone,
    pub icon: Icon,
    pub label: String,
}

impl PillView {
    pub fn new(tone: Tone, icon: Icon, label: impl Into<String>) -> Self {
        Self { tone, icon, label: label.into() }
    }
}

/// A page that the server draws whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    pub title: String,
    /// What stands in `main`. Made by the pages' own templates, which escape what they are given.
    pub html: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LinkView {
    pub href: String,
    pub text: String,
}

impl LinkView {
    pub fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into() }
    }
}

/// Stands where the thing it speaks of stands, and carries the next step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NoticeView {
    pub tone: Tone,
    pub icon: Icon,
    pub title: String,
    /// Marked. May be empty.
    pub text: String,
    pub acts: Vec<LinkView>,
}

/// A panel's content, or what stands there instead: empty, failed, forbidden, no data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Or<T> {
    Shown(T),
    Instead(StateView),
}

/// Says what is missing here and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StateView {
    pub tone: Tone,
    pub icon: Icon,
    pub title: String,
    /// Marked.
    pub text: String,
    pub acts: Vec<LinkView>,
}

/// One step of a list of steps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepView {
    pub state: StepState,
    /// Marked.
    pub name: String,
    /// Marked; below the name. May be empty.
    pub note: String,
    /// At the end of the line: `about 20 s`, `auto`, `recovery lead`. May be empty.
    pub meta: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Done,
    Now,
    #[default]
    Todo,
    Failed,
    /// The line between the last safe step and the first that cannot be undone.
    NoReturn,
}

/// One line of a list of checks: true, doubtful, false, or only told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CheckView {
    pub tone: Tone,
    pub icon: Icon,
    /// Marked.
    pub text: String,
    /// Marked; small, below. May be empty.
    pub note: String,
    /// At the end of the line. May be empty.
    pub meta: String,
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FactView {
    pub name: String,
    /// Marked.
    pub value: String,
    /// Where the value leads, if anywhere.
    pub href: Option<String>,
}

/// A choice in a `<select>` or a row of radio buttons.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChoiceView {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

/// One thing that happened to a release: in the notice of a conflict, or in a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChangeView {
    pub at: When,
    pub tone: Tone,
    pub icon: Icon,
    /// Marked: `Promoted 5 → 25 %: all 5 guards pass.` A reason given by a person is in `quote` instead.
    pub text: String,
    /// What the person wrote, drawn in quotation marks. May be empty.
    pub quote: String,
    /// `Maya Ortiz, release manager`; `automation, rule promote-on-pass`.
    pub who: String,
    /// The decision: its leaf index for eyes (`48 214`) and its page.
    pub leaf: Option<LinkView>,
}

/// What stands around every page. Given once per page load, not per view.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChromeView {
    /// `None` before signing in.
    pub person: Option<PersonView>,
    pub theme: Theme,
    /// When this page was made.
    pub now: When,
    /// Position of the log of events when this page was made, or before; 0 when it could not be read.
    pub position: u64,
    pub demo: Option<DemoBarView>,
    /// `Sternway 0.1.0`.
    pub build: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PersonView {
    pub name: String,
    /// `release manager`.
    pub role: String,
    /// `signed in 08:12`.
    pub since: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    /// The value of the cookie [`Theme::COOKIE`], and of the field in the menu.
    pub fn as_str(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// Anything unknown is `Auto`.
    pub fn read(text: &str) -> Self {
        match text {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::Auto,
        }
    }

    pub const COOKIE: &'static str = "sternway_theme";
}

/// The bar of `sternway demo`: what a visitor may break. Posts to [`crate::path::DEMO_INJECT`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DemoBarView {
    pub services: Vec<DemoServiceView>,
    /// The faults that can be injected: value for the form, label for eyes.
    pub faults: Vec<ChoiceView>,
    /// Services a new demo release can be started for.
    pub startable: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DemoServiceView {
    pub name: String,
    /// Labels of the faults in force, `20 % errors`, and what is wrong with the candidate's build.
    pub active: Vec<String>,
}

/// What a form is told when it comes back: the fault as a whole and per field.
pub type FormFault = crate::error::AppError;
