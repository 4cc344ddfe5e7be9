//! Writes generated messages to a directory, one file a message: `corpus DIR [COUNT] [SEED]`.

use std::error::Error;
use std::path::PathBuf;

use mail_testkit::Corpus;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("usage: corpus DIR [COUNT] [SEED]")?);
    let count = arguments.next().map_or(Ok(100), |count| count.parse())?;
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    std::fs::create_dir_all(&directory)?;
    for (index, message) in Corpus::new(count, seed).enumerate() {
        std::fs::write(directory.join(format!("{:06}.eml", index + 1)), message.body())?;
    }
    Ok(())
}
