import ArgumentParser

/// How much a daemon tells on standard error.
struct LoggingOptions: ParsableArguments {
    enum Level: String, ExpressibleByArgument, CaseIterable {
        case info, debug, trace

        /// As the protocol counts them.
        var number: UInt32 {
            switch self {
            case .info: 0
            case .debug: 1
            case .trace: 2
            }
        }
    }

    @Option(help: "How much is told on standard error: info, debug or trace.")
    var logLevel = Level.info
}
