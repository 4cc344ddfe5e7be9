//! Writes what a target begins with into a folder, a file a seed, and prints the path of its dictionary:
//! `cargo run --no-default-features --example seeds -- TARGET FOLDER`. `cargo xtask fuzz` does it by itself.

use std::{env, error::Error, fs, path::Path};

use mail_fuzz::{Target, seeds};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, folder] = &arguments[..] else { return Err("TARGET and FOLDER are needed".into()) };
    let target = Target::find(target).ok_or_else(|| format!("there is no target {target}"))?;
    let folder = Path::new(folder);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    for (number, seed) in target.seeds().iter().enumerate() {
        fs::write(folder.join(format!("{number:04}")), seed)?;
    }
    println!("{}", seeds::dictionary_path(target.dictionary).display());
    Ok(())
}
