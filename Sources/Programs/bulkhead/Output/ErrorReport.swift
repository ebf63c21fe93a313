import Diagnostics

/// A failure as a program reads it. Docs/Reference/command-line.md lists the keys.
struct FailureDocument: Encodable {
    var code: String
    /// The whole sentence people would see.
    var message: String
    var doing: String
    var subject: String?
    var cause: String?
    var remedy: String?
    var field: String?
    var limit: String?
    var retry: String
    var alsoFailed: [FailureDocument]

    init(_ failure: Failure) {
        code = failure.code.rawValue
        message = failure.description
        doing = failure.doing
        subject = failure.subject
        cause = failure.cause
        remedy = failure.remedy
        field = failure.field
        limit = failure.limit
        retry = failure.retry.rawValue
        alsoFailed = failure.alsoFailed.map(FailureDocument.init)
    }
}

/// What is said on standard error when something did not work, and the exit status that goes with it.
enum ErrorReport {
    private struct Document: Encodable { var error: FailureDocument }

    /// Our own failures, as `docker run` has it; the task's statuses are below.
    static let ownStatus: Int32 = 125
    static let notExecutableStatus: Int32 = 126
    static let notFoundStatus: Int32 = 127

    static func text(_ failure: Failure, as format: OutputFormat) -> String {
        if format == .json {
            do throws(Failure) {
                return try JSONDocument.text(Document(error: FailureDocument(failure)), isPretty: false)
            } catch { return sentence(failure) }
        }
        return sentence(failure)
    }

    private static func sentence(_ failure: Failure) -> String {
        (["bulkhead: \(failure.description)\n"] + failure.alsoFailed.map { "bulkhead: also, \($0.description)\n" })
            .joined()
    }

    static func status(of failure: Failure) -> Int32 {
        switch failure.code {
        case "launch.program-not-found": notFoundStatus
        case "launch.program-not-executable", "launch.working-directory": notExecutableStatus
        default: ownStatus
        }
    }
}
