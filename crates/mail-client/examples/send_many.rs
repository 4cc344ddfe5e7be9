//! A hundred messages sent over four connections, with progress, and what became of each.

mod demo;

use mail_client::smtp::Mail;

#[tokio::main]
async fn main() -> Result<(), demo::Failure> {
    let demo = demo::Demo::start().await?;
    let client = demo.smtp_client()?.max_connections(5).build()?;
    let address = demo.address();
    let letters = (1..=100).map(move |n| {
        let head = format!("From: {address}\r\nTo: {address}\r\nSubject: letter {n} of 100\r\n");
        Mail::new(format!("{head}\r\nDear self,\r\n\r\nthis is number {n}.\r\n"))
    });

    let mut sending = client.send_many(letters).connections(4);
    while let Some(letter) = sending.next().await {
        match letter.outcome {
            Ok(sent) if sent.is_complete() => {}
            Ok(sent) => {
                for (address, reply) in sent.refused() {
                    println!("letter {}: {address} was refused: {reply}", letter.index + 1);
                }
            }
            // The error says whether it may have been accepted, and whether to try again.
            Err(error) => println!("letter {}: {error}", letter.index + 1),
        }
        let progress = sending.progress();
        if (progress.sent + progress.failed) % 25 == 0 {
            println!(
                "{} sent over {} connections, {} failed",
                progress.sent, progress.connections, progress.failed
            );
        }
    }
    client.close().await;
    Ok(())
}
