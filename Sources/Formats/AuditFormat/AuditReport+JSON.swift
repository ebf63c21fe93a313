public import Diagnostics
import FoundationEssentials
import JSONFormat

extension AuditReport {
    /// The report as Docs/Reference/Audit-schema.json describes it.
    public func json() throws(Failure) -> String { Untrusted.inJSON(try AuditDocument(encoding: self).pretty) }

    /// - Throws: `audit.not-a-report` when it is something else, or of a newer schema.
    public init(json: [UInt8]) throws(Failure) {
        do {
            self = try JSONDecoder().decode(AuditReport.self, from: Data(json))
        } catch {
            throw Failure("audit.not-a-report", doing: "read the audit report", cause: "\(error)")
        }
        guard schema == Self.schemaName else {
            throw Failure(
                "audit.not-a-report", doing: "read the audit report", cause: "its schema is \(schema)",
                remedy: "use the version of Bulkhead that made it", limit: Self.schemaName)
        }
    }
}

extension AuditDocument {
    /// Any value that can be encoded, as a document.
    public init(encoding value: some Encodable) throws(Failure) {
        let data: Data
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.withoutEscapingSlashes]
            data = try encoder.encode(value)
        } catch {
            throw Failure("audit.unencodable", doing: "show the audit as JSON", cause: "\(error)")
        }
        do throws(JSONFault) { self = try AuditDocument.read(Array(data)) } catch {
            throw Failure("audit.unencodable", doing: "show the audit as JSON", cause: error.cause)
        }
    }

    /// The value that this document encodes.
    public func decoded<Value: Decodable>(as type: Value.Type) throws(Failure) -> Value {
        do { return try JSONDecoder().decode(type, from: Data(canonical.utf8)) } catch {
            throw Failure("audit.undecodable", doing: "read an audit's document", cause: "\(error)")
        }
    }
}
