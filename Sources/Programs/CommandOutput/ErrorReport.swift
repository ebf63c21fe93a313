public import Diagnostics

/// A failure as a program reads it. Docs/Reference/command-line.md lists the keys.
public struct FailureDocument: Encodable {
    public var code: String
    /// The whole sentence people would see.
    public var message: String
    public var doing: String
    public var subject: String?
    public var cause: String?
    public var remedy: String?
    public var field: String?
    public var limit: String?
    public var retry: String
    public var alsoFailed: [FailureDocument]

    public init(_ failure: Failure) {
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
public enum ErrorReport {
    private struct Document: Encodable { var error: FailureDocument }

    /// Our own failures, as `docker run` has it; the task's statuses are below.
    public static let ownStatus: Int32 = 125
    public static let notExecutableStatus: Int32 = 126
    public static let notFoundStatus: Int32 = 127

    public static func text(_ failure: Failure, as format: OutputFormat) -> String {
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

    public static func status(of failure: Failure) -> Int32 {
        switch failure.code {
        case "launch.program-not-found": notFoundStatus
        case "launch.program-not-executable", "launch.working-directory": notExecutableStatus
        default: ownStatus
        }
    }
}
