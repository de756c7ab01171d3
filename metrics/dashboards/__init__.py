"""Grafana's dashboards from one description each, for InfluxDB (InfluxQL) and VictoriaMetrics (PromQL)."""
