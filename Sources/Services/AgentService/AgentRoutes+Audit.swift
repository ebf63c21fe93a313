import AuditFormat
import ClusterAPI
import Diagnostics
import HTTPServing

/// `GET /audit[?profile=NAME][&host=false]`: what isolates this machine's tasks, as the kernel tells it. The answer is
/// a report as Docs/Reference/Audit-schema.json has it, exit status and all to be drawn by whoever asked.
extension AgentRoutes {
    var auditRoute: Route {
        demanding(.auditAgent, "/audit") { request in
            do throws(Failure) {
                let report = try await self.audit(request)
                return .content(Array(try report.json().utf8), type: MediaType.json.rawValue)
            } catch {
                switch error.code {
                case "agent.audit-busy", "agent.not-ready": return .text(.serviceUnavailable, error.description)
                case "agent.no-auditor": return .text(.notImplemented, error.description)
                case "agent.audit-invalid": return .text(.badRequest, error.description)
                default: return .text(.internalServerError, error.description)
                }
            }
        }
    }

    private func audit(_ request: Request) async throws(Failure) -> AuditReport {
        let word = request.target["profile"] ?? AuditProfile.standard.rawValue
        guard let profile = AuditProfile(rawValue: word) else {
            throw Self.invalid("profile", word, AuditProfile.allCases.map(\.rawValue))
        }
        let host = request.target["host"] ?? "true"
        guard ["true", "false"].contains(host) else { throw Self.invalid("host", host, ["true", "false"]) }
        guard let auditor = driver.parts.settings.auditor else {
            throw Failure(
                "agent.no-auditor", doing: "audit this machine", cause: "this agent was started without an auditor")
        }
        let audit = AgentAudit(driver: driver, auditor: auditor, profile: profile, includesHost: host == "true")
        return try await driver.desk.audits.run {
            do throws(Failure) { return .success(try await audit.report()) } catch { return .failure(error) }
        }
    }

    private static func invalid(_ name: String, _ value: String, _ words: [String]) -> Failure {
        Failure(
            "agent.audit-invalid", doing: "audit this machine", on: value, cause: "there is no such \(name)",
            remedy: "write one of \(words.joined(separator: ", "))", field: name)
    }
}
