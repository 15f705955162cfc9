//! Names that carry a hash, a compressed copy beside each file, and the list of what is what.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::Care;
use crate::failure::Failure;
use crate::house::{self, House};
use crate::wasm::{CHECKER, CHECKER_JS, FACE, Made};

/// `role` to file name in `dist/`: `{"css": "sternway.3f2a91c04d5e6f70.css", …}`. The server reads it when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Manifest(pub(crate) BTreeMap<String, String>);

/// One file as it goes over the wire, sizes in bytes.
pub(crate) struct Sent {
    pub(crate) role: String,
    pub(crate) plain: usize,
    pub(crate) brotli: usize,
}

/// Pictures taken as they are: role, file in `style`. Icons are part of the page itself.
const TAKEN: &[(&str, &str)] = &[("favicon", "favicon.svg")];

impl Manifest {
    /// `None` when it is not there or not readable: then everything is built again.
    pub(crate) fn read(dist: &Path) -> Option<Self> {
        let bytes = std::fs::read(dist.join("manifest.json")).ok()?;
        serde_json::from_slice(&bytes).ok().map(Self)
    }
}

/// Writes `dist/` anew: the files first, the manifest last, then what is no longer named goes.
pub(crate) fn publish(
    house: &House,
    face: &Made,
    checker: &Made,
    css: &[u8],
    care: Care,
) -> Result<Vec<Sent>, Failure> {
    let dist = house.dist();
    std::fs::create_dir_all(&dist).map_err(Failure::file("create", &dist))?;
    let mut press = Press { dist: &dist, care, manifest: Manifest::default(), sent: Vec::new() };
    for (role, file) in TAKEN {
        let (stem, end) = file.split_once('.').unwrap_or((file, "bin"));
        press.print(role, stem, end, &house::read(&house.root.join("style").join(file))?)?;
    }
    press.print("css", "sternway", "css", css)?;
    let wasm = press.print("proof-wasm", CHECKER.name, "wasm", &checker.wasm)?;
    let js = point_at(&checker.js, CHECKER.module, &wasm)?;
    let proof = press.print("proof-js", CHECKER.name, "js", js.as_bytes())?;
    let wasm = press.print("wasm", FACE.name, "wasm", &face.wasm)?;
    let js = point_at(&point_at(&face.js, FACE.module, &wasm)?, CHECKER_JS, &proof)?;
    press.print("js", FACE.name, "js", js.as_bytes())?;
    let Press { manifest, sent, .. } = press;
    write_manifest(&dist, &manifest)?;
    sweep(&dist, &manifest)?;
    Ok(sent)
}

struct Press<'a> {
    dist: &'a Path,
    care: Care,
    manifest: Manifest,
    sent: Vec<Sent>,
}

impl Press<'_> {
    fn print(&mut self, role: &str, stem: &str, end: &str, bytes: &[u8]) -> Result<String, Failure> {
        let name = format!("{stem}.{}.{end}", &house::digest(bytes)[..16]);
        let path = self.dist.join(&name);
        house::write(&path, bytes)?;
        let mut sent = Sent { role: role.to_owned(), plain: bytes.len(), brotli: bytes.len() };
        if self.care == Care::Ship {
            let small = brotli_of(bytes).map_err(Failure::file("compress", &path))?;
            sent.brotli = small.len();
            house::write(&self.dist.join(format!("{name}.br")), &small)?;
            let gzip = gzip_of(bytes).map_err(Failure::file("compress", &path))?;
            house::write(&self.dist.join(format!("{name}.gz")), &gzip)?;
        }
        self.sent.push(sent);
        self.manifest.0.insert(role.to_owned(), name.clone());
        Ok(name)
    }
}

/// The script loads a file by its published name.
fn point_at(js: &str, name: &str, published: &str) -> Result<String, Failure> {
    if !js.contains(name) {
        let what = format!("the script does not name `{name}`, so it would load nothing");
        return Err(Failure::Unexpected(what));
    }
    Ok(js.replace(name, published))
}

/// Left alone when nothing changed, so that the server is not built again.
fn write_manifest(dist: &Path, manifest: &Manifest) -> Result<(), Failure> {
    if Manifest::read(dist).as_ref() == Some(manifest) {
        return Ok(());
    }
    let path = dist.join("manifest.json");
    let text = serde_json::to_string_pretty(&manifest.0)
        .map_err(|error| Failure::Unexpected(format!("the manifest cannot be written: {error}")))?;
    house::write(&path, format!("{text}\n").as_bytes())
}

fn sweep(dist: &Path, manifest: &Manifest) -> Result<(), Failure> {
    for path in house::files_below(dist)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let plain = name.strip_suffix(".br").or_else(|| name.strip_suffix(".gz")).unwrap_or(&name);
        if name != "manifest.json" && !manifest.0.values().any(|kept| kept == plain) {
            std::fs::remove_file(&path).map_err(Failure::file("remove", &path))?;
        }
    }
    Ok(())
}

fn brotli_of(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut small = Vec::new();
    let settings = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut small, &settings)?;
    Ok(small)
}

fn gzip_of(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn given_any_bytes_then_both_compressions_give_them_back() {
        let bytes: Vec<u8> = (0..20_000_u32).map(|n| (n * n % 251) as u8).collect();
        let mut plain = Vec::new();
        brotli::BrotliDecompress(&mut &brotli_of(&bytes).expect("memory")[..], &mut plain).expect("own output");
        assert_eq!(plain, bytes);
        let mut plain = Vec::new();
        let gzip = gzip_of(&bytes).expect("memory");
        flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut plain).expect("own output");
        assert_eq!(plain, bytes);
    }

    #[test]
    fn given_a_script_then_it_loads_the_published_module() {
        let js = "new URL('sternway_bg.wasm', import.meta.url)";
        let pointed = point_at(js, FACE.module, "sternway.00ff.wasm").expect("named");
        assert_eq!(pointed, "new URL('sternway.00ff.wasm', import.meta.url)");
        assert!(point_at("new URL('other.wasm')", FACE.module, "sternway.00ff.wasm").is_err());
    }
}
