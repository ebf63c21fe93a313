public import Diagnostics
public import Logging

extension Logger {
    /// A core's note, its untrusted texts escaped.
    public func record(_ note: Note) {
        var metadata: Logger.Metadata = ["note": "\(note.name)"]
        for detail in note.details { metadata[detail.key] = "\(Untrusted.shown(detail.value))" }
        let level: Logger.Level =
            switch note.level {
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        log(level: level, "\(note.message)", metadata: metadata)
    }
}
