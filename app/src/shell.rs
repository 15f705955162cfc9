//! The document around the app. Written on the server only; the browser hydrates what is inside `<body>`.

use serde::{Deserialize, Serialize};

/// Addresses of the built files, with their hashes in the names. Provided by the server in the context.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Assets {
    /// `/assets/sternway.3f2a91c0.css`.
    pub css: String,
    /// The module script, which loads the WebAssembly and starts the app.
    pub js: String,
    pub wasm: String,
    pub favicon: String,
}

#[cfg(feature = "ssr")]
pub use document::{Notice, shell};

#[cfg(feature = "ssr")]
mod document {
    use super::Assets;
    use crate::app::App;
    use crate::view::{ChromeView, Theme};
    use leptos::nonce::use_nonce;
    use leptos::prelude::*;
    use leptos_meta::MetaTags;

    /// The symbols that `<use href="#i-…">` refers to, and the hatching of gaps.
    const SPRITE: &str = include_str!("../../style/icons.svg");
    const HATCH: &str = r#"<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch-line" d="M0 0V6"/></pattern>"#;

    /// What everybody must know on every page, whatever else it shows; shown by the stylesheet above all of it, so that
    /// browsers need no code for it.
    #[derive(Debug, Clone, Default)]
    pub struct Notice(pub Option<String>);

    /// The whole document. Takes [`Assets`] and [`ChromeView`] from the context; the nonce is the one in the context too.
    pub fn shell() -> impl IntoView {
        let assets = use_context::<Assets>().unwrap_or_default();
        let theme = match use_context::<ChromeView>().unwrap_or_default().theme {
            Theme::Auto => None,
            forced => Some(forced.as_str()),
        };
        let notice = use_context::<Notice>().unwrap_or_default().0;
        let nonce = use_nonce().map(|nonce| nonce.to_string());
        // Without a build there is nothing to start: pages work all the same.
        let start = (!assets.js.is_empty()).then(|| {
            view! {
                <link rel="modulepreload" href=assets.js.clone() nonce=nonce.clone()/>
                <link rel="preload" href=assets.wasm.clone() r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
                <script type="module" nonce=nonce src=assets.js.clone()></script>
            }
        });
        let symbols = SPRITE.split_once('>').map_or("", |(_, rest)| rest).trim_end().trim_end_matches("</svg>");
        view! {
            <!DOCTYPE html>
            <html lang="en" data-theme=theme data-notice=notice>
                <head>
                    <meta charset="utf-8"/>
                    <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
                    <meta name="color-scheme" content="light dark"/>
                    <meta name="referrer" content="same-origin"/>
                    <link rel="icon" href=assets.favicon.clone() type="image/svg+xml"/>
                    <link rel="stylesheet" href=assets.css.clone()/>
                    {start}
                    <MetaTags/>
                </head>
                <body>
                    <App/>
                    <svg class="sprite" aria-hidden="true" inner_html=symbols></svg>
                    <svg class="hatch-defs" aria-hidden="true" inner_html=HATCH></svg>
                </body>
            </html>
        }
    }
}
