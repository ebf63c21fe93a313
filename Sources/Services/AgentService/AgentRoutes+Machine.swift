import ClusterAPI
import HTTPServing

/// What the parts of the process and the machine under it say.
extension AgentRoutes {
    var machineRoutes: [Route] {
        let mailbox = driver.mailbox
        var routes = [
            demanding(.viewMetrics, "/__processes__") { request in
                Self.document(ServedProcess.document([.init("slave(1)", waiting: mailbox.count)]), for: request)
            }
        ]
        if let load = driver.parts.settings.systemLoad {
            routes.append(
                demanding(.viewMetrics, "/system/stats.json") { request in
                    guard let load = await load() else {
                        return .text(.serviceUnavailable, "the kernel did not say how loaded it is")
                    }
                    return Self.document(load.document, for: request)
                })
        }
        return routes
    }
}
