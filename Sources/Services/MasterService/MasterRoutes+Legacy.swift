import ClusterAPI
import ClusterModel
import Diagnostics
import HTTPServing
import MasterCore
import NIOHTTP1

/// The endpoints that clients used before there were calls, and consoles still do.
extension MasterRoutes {
    var legacyRoutes: [Route] {
        var routes = [
            reading("/state") { _, core, name in self.documents(core, by: name) { $0.stateDocument } },
            reading("/state-summary") { _, core, name in self.documents(core, by: name) { $0.summaryDocument } },
            reading("/slaves") { request, core, name throws(Negotiation.Refusal) in
                let id = try request.identifier("slave_id") { text throws(Failure) in try AgentID(text) }
                return self.documents(core, by: name) { $0.agents(only: id) }
            },
            reading("/frameworks") { request, core, name throws(Negotiation.Refusal) in
                let id = try request.identifier("framework_id") { text throws(Failure) in try FrameworkID(text) }
                return self.documents(core, by: name) { $0.frameworks(only: id) }
            },
            reading("/tasks") { request, core, name throws(Negotiation.Refusal) in
                let page = try request.taskPage()
                return self.documents(core, by: name) { $0.tasks(page) }
            },
            reading("/roles") { _, core, name in { MasterDocuments.roles(in: core, by: name) } },
            reading("/maintenance/status") { _, core, name in
                { MasterDocuments.maintenance(core.response(to: .maintenanceStatus, by: name)) }
            },
        ]
        for name in ["state", "slaves", "tasks", "roles"] {
            guard let route = routes.first(where: { $0.components == [name] }) else { continue }
            routes.append(Route("/\(name).json", realm: route.realm, gate: route.gate, handler: route.handler))
        }
        routes += changing
        return routes
    }

    private var changing: [Route] {
        let posts = [
            "/reserve", "/unreserve", "/create-volumes", "/destroy-volumes", "/teardown", "/machine/down",
            "/machine/up",
        ]
        return posts.map { changing($0, [.POST]) } + [
            changing("/maintenance/schedule", [.GET, .POST]) { core, name in
                MasterDocuments.schedule(core.response(to: .maintenanceSchedule, by: name))
            },
            changing("/weights", [.GET, .PUT]) { core, name in
                MasterDocuments.weights(core.response(to: .weights, by: name))
            },
            changing("/quota", [.GET, .POST, .DELETE]) { core, name in
                MasterDocuments.quota(core.response(to: .quota, by: name))
            },
        ]
    }

    // MARK: - Reads

    private typealias Make = @Sendable () -> JSONDocument

    /// `make` is worked out on a copy of the core, away from its mailbox.
    private func reading(
        _ path: String, _ make: @escaping @Sendable (Request, MasterCore, String?) throws(Negotiation.Refusal) -> Make
    ) -> Route {
        leading(path, [.GET], .masterReadOnly) { request, driver throws(Negotiation.Refusal) in
            let make = try make(request, await driver.snapshot(), try name(of: request))
            return await document(request) { .pieces(make().pieces()) }
        }
    }

    private func documents(
        _ core: MasterCore, by name: String?, _ document: @escaping @Sendable (MasterDocuments) -> JSONDocument
    ) -> Make {
        let settings = settings
        let maySeeFlags = authorizer.decide(.init(principal: name), to: .viewFlags, on: nil).isAllowed
        return {
            document(
                MasterDocuments(
                    master: core.masterView, version: settings.version, flags: maySeeFlags ? settings.flags : [],
                    cluster: settings.cluster, state: core.stateView(by: name),
                    unreachableAgents: core.unreachableAgents))
        }
    }

    // MARK: - Changes

    /// `get`: what it answers to GET.
    private func changing(
        _ path: String, _ methods: [HTTPMethod], _ get: (@Sendable (MasterCore, String?) -> JSONDocument)? = nil
    ) -> Route {
        leading(path, methods, .masterReadWrite, body: .collected(bytesMax: limits.callBytesMax)) {
            request, driver throws(Negotiation.Refusal) in
            let name = try name(of: request)
            if let get, request.method == .GET || request.method == .HEAD {
                guard request.rest.isEmpty else { return .text(.notFound, "nothing is served here") }
                let core = await driver.snapshot()
                return await document(request) { .pieces(get(core, name).pieces()) }
            }
            let change = try change(request, path)
            return response(await driver.call { .operator($0, principal: name, .change(change)) }, .json)
        }
    }

    private func change(_ request: Request, _ path: String) throws(Negotiation.Refusal) -> OperatorChange {
        do throws(Failure) {
            var form: [String: String] = [:]
            // Those that take JSON have no form.
            if request.method == .POST, request.body.first != UInt8(ascii: "{"), request.body.first != UInt8(ascii: "[")
            {
                for parameter in try request.form() { form[parameter.name] = parameter.value }
            }
            let legacy = LegacyRequest(
                method: request.method.rawValue, path: ([path] + request.rest).joined(separator: "/"), form: form,
                body: request.body)
            if let change = try legacy.change() { return change }
        } catch {
            throw Negotiation.Refusal(.refusal(error))
        }
        throw Negotiation.Refusal(.text(.notFound, "nothing is served here"))
    }
}

extension MasterCore {
    fileprivate var masterView: MasterView {
        MasterView(info: configuration.master, startedAt: elected, electedAt: elected)
    }

    fileprivate var unreachableAgents: Int {
        formerAgents.values.count { former in
            if case .unreachable = former.entry.standing { true } else { false }
        }
    }
}

extension MasterDocuments {
    fileprivate static func roles(in core: MasterCore, by name: String?) -> JSONDocument {
        guard case .roles(let roles) = core.response(to: .roles, by: name),
            case .quota(let quota) = core.response(to: .quota, by: name)
        else { return roles([], quota: QuotaStatus()) }
        return self.roles(roles, quota: quota)
    }

    fileprivate static func maintenance(_ response: OperatorResponse) -> JSONDocument {
        if case .maintenanceStatus(let status) = response {
            maintenance(status)
        } else {
            maintenance(MaintenanceStatus())
        }
    }

    fileprivate static func schedule(_ response: OperatorResponse) -> JSONDocument {
        if case .maintenanceSchedule(let schedule) = response {
            self.schedule(schedule)
        } else {
            schedule(MaintenanceSchedule())
        }
    }

    fileprivate static func weights(_ response: OperatorResponse) -> JSONDocument {
        if case .weights(let weights) = response { self.weights(weights) } else { weights([]) }
    }

    fileprivate static func quota(_ response: OperatorResponse) -> JSONDocument {
        if case .quota(let status) = response { quota(status) } else { quota(QuotaStatus()) }
    }
}

extension Request {
    fileprivate func identifier<ID>(
        _ name: String, _ make: (String) throws(Failure) -> ID
    ) throws(Negotiation.Refusal) -> ID? {
        guard let text = target[name] else { return nil }
        do throws(Failure) { return try make(text) } catch { throw Negotiation.Refusal(.refusal(error)) }
    }

    fileprivate func taskPage() throws(Negotiation.Refusal) -> TaskPage {
        var page = TaskPage()
        page.limit = try count("limit") ?? page.limit
        page.offset = try count("offset") ?? page.offset
        page.isAscending = target["order"] == "asc"
        page.framework = try identifier("framework_id") { text throws(Failure) in try FrameworkID(text) }
        page.task = try identifier("task_id") { text throws(Failure) in try TaskID(text) }
        return page
    }

    private func count(_ name: String) throws(Negotiation.Refusal) -> Int? {
        guard let text = target[name] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw Negotiation.Refusal(.text(.badRequest, "Invalid '\(name)': it is not a whole number from 0"))
        }
        return number
    }
}
