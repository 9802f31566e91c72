//! `--price`: what is paid for what pods request.

use clap::Args;

use crate::input::names::hint;
use crate::model::Prices;

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Priced {
    /// A core for an hour.
    CoreHour,
    /// A GiB for an hour.
    GibHour,
}

#[derive(Debug, Args)]
pub(super) struct PriceArgs {
    /// What a core or a GiB that pods request costs for an hour: core-hour=0.03, gib-hour=0.004; one that is not given costs nothing;
    /// nodes have their prices in their file; repeatable
    #[arg(long, value_name = "WHAT=PRICE", value_parser = price)]
    price: Vec<(Priced, f64)>,
}

fn price(text: &str) -> Result<(Priced, f64), String> {
    let (name, value) = text.split_once('=').ok_or("write core-hour=0.03 or gib-hour=0.004")?;
    let value = value.parse::<f64>().ok().filter(|price| price.is_finite() && *price >= 0.0);
    let value = value.ok_or("a price is a number from 0 on")?;
    match name {
        "core-hour" => Ok((Priced::CoreHour, value)),
        "gib-hour" => Ok((Priced::GibHour, value)),
        _ => Err(format!("there is no price of `{name}`; {}", hint(name, ["core-hour", "gib-hour"].into_iter()))),
    }
}

impl PriceArgs {
    /// The prices, if there are any; with nodes the cost is theirs.
    pub fn prices(&self, has_nodes: bool) -> anyhow::Result<Option<Prices>> {
        if self.price.is_empty() {
            return Ok(None);
        }
        if has_nodes {
            anyhow::bail!("with --nodes the cost is that of the nodes: --price is for what pods request without them");
        }
        let mut prices = Prices { core_hour: 0.0, gib_hour: 0.0 };
        for (priced, value) in &self.price {
            match priced {
                Priced::CoreHour => prices.core_hour = *value,
                Priced::GibHour => prices.gib_hour = *value,
            }
        }
        if prices.core_hour + prices.gib_hour <= 0.0 {
            anyhow::bail!("--price: one of core-hour and gib-hour must cost something");
        }
        Ok(Some(prices))
    }

    /// Whether none is given.
    pub fn is_empty(&self) -> bool {
        self.price.is_empty()
    }
}
