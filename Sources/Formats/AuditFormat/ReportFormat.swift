public import Diagnostics

/// The forms a report is shown in.
public enum ReportFormat: String, CaseIterable, Sendable {
    case table, json, sarif, ocsf, junit, html, prometheus
}

extension AuditReport {
    public func text(as format: ReportFormat) throws(Failure) -> String {
        switch format {
        case .table: ReportTable(self).text
        case .json: try json()
        case .sarif: SARIFReport(self).text
        case .ocsf: OCSFReport(self).text
        case .junit: JUnitReport(self).text
        case .html: HTMLReport(self).text
        case .prometheus: PrometheusReport(self).text
        }
    }
}
