//! The InfluxDB sink against VictoriaMetrics, which keeps numbers only and answers 204 to
//! anything: so only what is read back counts.
