//! Conversions from float to integer as Go does them on amd64.

use crate::model::KubernetesVersion;
use crate::units::Replicas;
use crate::units::float::ceil;

/// Where a replica count is computed; releases learnt to saturate one place after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// `GetExternalPerPodMetricReplicas`: saturates from 1.34 on (kubernetes/kubernetes#127050).
    ExternalPerPod,
    /// `getUsageRatioReplicaCount`: saturates from 1.35 on (#126979).
    UsageRatio,
    /// Everywhere else: from 1.38 on (#141397).
    Other,
}

/// `int32(math.Ceil(value))`. Out of range it saturates in newer releases; in older ones the
/// amd64 conversion instruction yields the smallest `int32`.
pub(super) fn ceil_to_replicas(value: f64, version: KubernetesVersion, site: Site) -> Replicas {
    let saturates = version.at_least(match site {
        Site::ExternalPerPod => 34,
        Site::UsageRatio => 35,
        Site::Other => 38,
    });
    to_replicas(ceil(value), saturates)
}

/// `int32(value)`, truncating toward zero.
pub(super) fn truncate_to_replicas(value: f64, version: KubernetesVersion) -> Replicas {
    to_replicas(value.trunc(), version.at_least(38))
}

fn to_replicas(value: f64, saturates: bool) -> Replicas {
    let fits = value >= f64::from(Replicas::MIN) && value <= f64::from(Replicas::MAX);
    // `as` saturates, and maps NaN to 0; amd64 maps NaN to the smallest value.
    if fits || (saturates && !value.is_nan()) { value as Replicas } else { Replicas::MIN }
}

/// `int64(math.Ceil(value))` on amd64: out of range is the smallest `int64`.
pub(super) fn ceil_to_i64(value: f64) -> i64 {
    let value = value.ceil();
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_wraps_before_and_saturates_after() {
        let old = KubernetesVersion::new(28).unwrap();
        let new = KubernetesVersion::NEWEST;
        for (value, before, after) in [
            (3.2, 4, 4),
            (3e9, i32::MIN, i32::MAX),
            (f64::INFINITY, i32::MIN, i32::MAX),
            (f64::NAN, i32::MIN, i32::MIN),
            (-3e9, i32::MIN, i32::MIN),
            (2_147_483_647.0, i32::MAX, i32::MAX),
        ] {
            assert_eq!(ceil_to_replicas(value, old, Site::Other), before, "{value}");
            assert_eq!(ceil_to_replicas(value, new, Site::Other), after, "{value}");
        }
        let v34 = KubernetesVersion::new(34).unwrap();
        assert_eq!(ceil_to_replicas(3e9, v34, Site::ExternalPerPod), i32::MAX);
        assert_eq!(ceil_to_replicas(3e9, v34, Site::UsageRatio), i32::MIN);
    }
}
