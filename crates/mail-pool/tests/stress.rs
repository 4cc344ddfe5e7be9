//! Many users at once on several threads, with everything that can happen to them, against a server that has fewer places than the quota.

mod support;

use std::time::Duration;

use mail_pool::{Assignment, Class, Error, Manager, Pool};
use support::{Toys, pool_with};

/// Evenly spread numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

async fn user(pool: Pool<Toys>, seed: u64) -> Result<(), Error<<Toys as Manager>::Error>> {
    let mut dice = Dice(seed);
    for _ in 0..150 {
        match dice.roll(8) {
            0 => drop(pool.checkout().await?),
            1 => {
                let own = pool.create_connection().await?;
                let using = own.get().await?;
                tokio::time::sleep(Duration::from_micros(300)).await;
                if dice.roll(4) == 0 {
                    using.break_it();
                }
                drop(using);
                if dice.roll(3) == 0 {
                    drop(own.get().await?);
                }
            }
            2 => {
                let using = pool.get().await?;
                if dice.roll(20) == 0 {
                    using.break_it();
                }
                tokio::task::yield_now().await;
            }
            3 => {
                let waiting =
                    tokio::time::timeout(Duration::from_micros(dice.roll(300)), pool.create_connection());
                if let Ok(got) = waiting.await {
                    drop(got?);
                }
            }
            4 => {
                let pending = pool.begin(|operation| async move { operation.get().await.map(drop) })?;
                match dice.roll(3) {
                    0 => pending.cancel(),
                    1 => pending.await??,
                    _ => {}
                }
            }
            5 => {
                let checked_out = pool.checkout().await?;
                checked_out.taint();
                let _elsewhere = std::thread::spawn(move || drop(checked_out));
            }
            6 => {
                let other = pool.clone();
                let task = tokio::spawn(async move { other.create_connection().await.map(drop) });
                tokio::task::yield_now().await;
                task.abort();
            }
            _ => tokio::time::sleep(Duration::from_micros(dice.roll(200))).await,
        }
    }
    Ok(())
}

#[test]
fn a_crowd_of_users_is_served_within_the_quota_and_leaves_nothing_behind() {
    for assignment in [Assignment::MainOrDefault, Assignment::Default] {
        let (pool, server) = pool_with(8, |builder| {
            builder
                .assignment(assignment)
                .backoff(Duration::from_millis(1), Duration::from_millis(20))
                .cool_down(Duration::from_millis(50))
                .logout_settles(Duration::from_millis(4))
        });
        *pool.manager().connect_time.lock().unwrap() = Duration::from_micros(200);
        server.limit(5);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        runtime.block_on(async {
            let users: Vec<_> = (0..40).map(|n| tokio::spawn(user(pool.clone(), 77 + n))).collect();
            for user in users {
                let ended = tokio::time::timeout(Duration::from_secs(30), user).await;
                let ended = ended.unwrap_or_else(|_| panic!("stuck: {:#?}", pool.status()));
                match ended.unwrap() {
                    // Whoever holds all that the server allows for the moment is told so.
                    Ok(()) | Err(Error::WouldDeadlock) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            pool.close().await;
        });
        assert!(server.peak() <= 8, "{}", server.peak());
        assert_eq!(server.open(), 0);
        let refusal = pool.status().last_refusal.expect("the server was full at times");
        assert_eq!(refusal.class, Class::Limit);
        assert_eq!(pool.waiting(), 0);
    }
}
