import Allocation
import Authorization
import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics

/// How frameworks come, come back, and change what they say of themselves.
extension MasterCore {
    mutating func subscribe(
        _ call: CallID, _ subscription: Subscription, by principal: String?, at now: Instant
    ) {
        if let principal, let named = subscription.framework.principal, !named.isSame(as: principal) {
            answer(
                call,
                .invalid("Framework principal '\(named)' does not match the authenticated principal '\(principal)'"))
            return
        }
        if let refusal = refusal(of: subscription, by: principal) {
            turnAway(call, refusal)
            return
        }
        let id: FrameworkID
        var issued = self.issued
        if let known = subscription.framework.id {
            id = known
        } else {
            do throws(Failure) { id = try nextFrameworkID(&issued) } catch {
                turnAway(call, error.description)
                return
            }
        }
        let existing = frameworks[id]
        let info = info(of: subscription, as: id, by: principal)
        let isChanged = existing.map { $0.info != info || $0.storedDeadline != nil } ?? true
        guard isChanged || isBeingWritten(id) else {
            completeSubscription(call, subscription, as: id, by: principal, at: now)
            return
        }
        let entry = RegisteredFramework(info: info, registered: existing?.registered ?? now)
        if let fault = recordFault(entry) {
            turnAway(call, fault)
            return
        }
        var changes: [RegistryChange] = []
        if subscription.framework.id == nil {
            self.issued = issued
            changes.append(.putIssued(issued))
        }
        changes.append(.putFramework(entry))
        persist(changes, then: .frameworkSubscribed(call, subscription, id, principal: principal))
        frameworkWrites[id, default: 0] += 1
    }

    /// Whether something about it is on its way to the registry: what comes later must not overtake it.
    func isBeingWritten(_ id: FrameworkID) -> Bool { frameworkWrites[id] != nil }

    mutating func frameworkWritten(_ id: FrameworkID) {
        guard let count = frameworkWrites[id] else { return }
        frameworkWrites[id] = count > 1 ? count - 1 : nil
    }

    /// One that nobody has: whoever subscribes may bring an id along, also the one that would come next here.
    private func nextFrameworkID(_ issued: inout IssuedIdentifiers) throws(Failure) -> FrameworkID {
        while true {
            let number = String(issued.frameworks)
            let padded = String(repeating: "0", count: max(0, 4 - number.count)) + number
            let id = try FrameworkID("\(configuration.master.id)-\(padded)")
            issued.frameworks += 1
            if frameworks[id] == nil, removedFrameworks[id] == nil, !isBeingWritten(id) { return id }
        }
    }

    /// What the registry has already is let through: an older master may have taken more.
    private func recordFault(_ entry: RegisteredFramework) -> String? {
        if frameworks[entry.info.id]?.info == entry.info { return nil }
        do throws(Failure) { try RegistryChange.putFramework(entry).checkSize() } catch { return error.description }
        return nil
    }

    /// What it says now; what may not change stays as it was.
    private func info(of subscription: Subscription, as id: FrameworkID, by principal: String?) -> FrameworkInfo {
        var info = subscription.framework.info(as: id)
        if info.principal == nil { info.principal = principal }
        if let existing = frameworks[id]?.info {
            info.user = existing.user
            info.checkpoint = existing.checkpoint
            if info.principal == nil { info.principal = existing.principal }
        }
        return info
    }

    /// Opens the stream only to say why it is closed again.
    private mutating func turnAway(_ call: CallID, _ why: String) {
        note("framework.refused", "A framework may not subscribe", level: .warning, ["why": why])
        lastStream += 1
        let stream = StreamID(lastStream)
        emit(.openStream(call, stream))
        emit(.publish(stream, .error(why), for: []))
        emit(.closeStream(stream))
    }

    // MARK: Validation

    private func refusal(of subscription: Subscription, by principal: String?) -> String? {
        let request = subscription.framework
        if let id = request.id, removedFrameworks[id] != nil || frameworks[id]?.isBeingRemoved == true {
            return "Framework has been removed"
        }
        let isNew = request.id.map { frameworks[$0] == nil } ?? true
        if isNew, frameworks.count >= configuration.limits.frameworksMax {
            return "There are \(frameworks.count) frameworks already"
        }
        if let id = request.id, let existing = frameworks[id]?.info,
            let principal = request.principal ?? principal, !existing.principal.isSame(as: principal)
        {
            return "Changing framework's principal is not allowed"
        }
        return fault(in: subscription) ?? unauthorizedRole(request.roles, by: principal)
    }

    private func fault(in subscription: Subscription) -> String? {
        let request = subscription.framework
        let limits = configuration.limits
        let texts = [request.name, request.user, request.hostname, request.webAddress, request.principal]
        if texts.contains(where: { ($0?.utf8.count ?? 0) > limits.textBytesMax }) {
            return "A text of the FrameworkInfo is longer than \(limits.textBytesMax) bytes"
        }
        if request.roles.count > limits.rolesOfFrameworkMax {
            return "A framework has at most \(limits.rolesOfFrameworkMax) roles"
        }
        if Set(request.roles).count < request.roles.count { return "FrameworkInfo.roles has duplicates" }
        for role in request.roles {
            if role.components.count > limits.roleDepthMax {
                return "Role '\(role)' is more than \(limits.roleDepthMax) levels deep"
            }
            if !configuration.allows(role) {
                return "Role '\(role)' is not in the master's list of roles"
            }
        }
        if let role = request.minimumOffers.keys.sorted().first(where: { !request.roles.contains($0) }) {
            return "FrameworkInfo.offer_filters names role '\(role)', which is not one of the framework's"
        }
        if let role = subscription.suppressedRoles.first(where: { !request.roles.contains($0) }) {
            return "Suppressed role '\(role)' is not one of the framework's"
        }
        if let role = subscription.constraints.groups.keys.sorted().first(where: { !request.roles.contains($0) }) {
            return "Offer constraints name role '\(role)', which is not one of the framework's"
        }
        return nil
    }

    private func unauthorizedRole(_ roles: [RoleName], by principal: String?) -> String? {
        let subject = Subject(principal: principal)
        let refused = roles.first {
            !configuration.authorizer.decide(subject, to: .registerFramework, on: $0.text).isAllowed
        }
        return refused.map { "Not authorized to use role '\($0)'" }
    }

    // MARK: Carrying it out

    mutating func completeSubscription(
        _ call: CallID, _ subscription: Subscription, as id: FrameworkID, by principal: String?, at now: Instant
    ) {
        // An operator may have removed it while it was being written.
        if removedFrameworks[id] != nil || frameworks[id]?.isBeingRemoved == true {
            turnAway(call, "Framework has been removed")
            return
        }
        let info = info(of: subscription, as: id, by: principal)
        lastStream += 1
        let stream = StreamID(lastStream)
        let existing = frameworks[id]
        if let existing {
            takeOver(existing, at: now)
            frameworks[id]?.reregistered = now
        } else {
            frameworks[id] = FrameworkRecord(
                info: info, connection: .disconnected, isActive: true, registered: now)
        }
        frameworks[id]?.connection = .connected(stream)
        frameworks[id]?.storedDeadline = nil
        frameworks.change(id) { $0.counters.countCall(.subscribe(subscription)) }
        streams[stream] = .framework(id)
        describe(id, info, subscription)
        emit(.openStream(call, stream))
        publish(
            .subscribed(id, heartbeat: configuration.heartbeatInterval, master: configuration.master), to: id)
        note(
            "framework.subscribed",
            existing == nil ? "A framework has subscribed" : "A framework has subscribed again",
            ["framework": id.text, "name": info.name])
        // Even where nothing is new about it: whoever has updates for it waits for its return to send them again.
        if existing != nil { tellAgents(of: id) }
        announce { core in
            core.frameworkView(id).map { existing == nil ? .frameworkAdded($0) : .frameworkUpdated($0) }
        }
        offerInverse(to: id, at: now)
    }

    /// The scheduler that was connected before, if it still is, hears that another has taken its place.
    private mutating func takeOver(_ record: FrameworkRecord, at now: Instant) {
        let id = record.id
        if let old = record.stream {
            publish(.error("Framework failed over"), to: id)
            closeStream(old)
        }
        cancel(record.failoverTimer)
        frameworks[id]?.failoverTimer = nil
        frameworks[id]?.failoverDeadline = nil
        // The new scheduler does not know what the old one was offered.
        frameworks[id]?.connection = .disconnected
        withdrawOffers(of: id, at: now)
    }

    private mutating func describe(_ id: FrameworkID, _ info: FrameworkInfo, _ subscription: Subscription) {
        frameworks[id]?.info = info
        frameworks[id]?.isActive = true
        frameworks[id]?.suppressedRoles = Set(subscription.suppressedRoles)
        frameworks[id]?.constraints = subscription.constraints
        // It may have another scheduler, or another mind: what it gives back is asked for again.
        forgetInverseRefusals(of: id)
        allocator.addFramework(
            info, suppressed: subscription.suppressedRoles, constraints: subscription.constraints)
        wantAllocation()
    }

    private mutating func tellAgents(of id: FrameworkID) {
        guard let record = frameworks[id] else { return }
        for agent in record.agents.keys.sorted() { send(.updateFramework(record.info), to: agent) }
    }

    mutating func closeStream(_ stream: StreamID) {
        streams[stream] = nil
        emit(.closeStream(stream))
    }

    // MARK: UPDATE_FRAMEWORK

    mutating func update(
        _ id: FrameworkID, _ subscription: Subscription, _ call: CallID, by principal: String?, at now: Instant
    ) {
        guard let record = frameworks[id] else { return }
        if let fault = updateFault(record.info, subscription) {
            answer(call, .invalid(fault))
            return
        }
        if let refusal = unauthorizedRole(subscription.framework.roles, by: principal) {
            answer(call, .forbidden(refusal))
            return
        }
        let info = info(of: subscription, as: id, by: principal)
        guard info != record.info || isBeingWritten(id) else {
            completeUpdate(call, subscription, of: id, by: principal, at: now)
            return
        }
        let entry = RegisteredFramework(info: info, registered: record.registered)
        if let fault = recordFault(entry) {
            answer(call, .invalid(fault))
            return
        }
        persist([.putFramework(entry)], then: .frameworkUpdated(call, subscription, id, principal: principal))
        frameworkWrites[id, default: 0] += 1
    }

    private func updateFault(_ current: FrameworkInfo, _ subscription: Subscription) -> String? {
        let request = subscription.framework
        if let principal = request.principal, !current.principal.isSame(as: principal) {
            return "Changing framework's principal is not allowed"
        }
        if request.user != current.user { return "Changing framework's user is not allowed" }
        if request.checkpoint != current.checkpoint {
            return "Changing framework's checkpoint flag is not allowed"
        }
        return fault(in: subscription)
    }

    mutating func completeUpdate(
        _ call: CallID, _ subscription: Subscription, of id: FrameworkID, by principal: String?, at now: Instant
    ) {
        guard let record = frameworks[id], !record.isBeingRemoved else {
            answer(call, .invalid("Framework cannot be found"))
            return
        }
        let info = info(of: subscription, as: id, by: principal)
        describe(id, info, subscription)
        if !record.isConnected {
            deactivate(id)
            keep(id)
        }
        for offer in record.offers.sorted() {
            if let role = offers[offer]?.offer.role, !info.roles.contains(role) { rescind(offer, at: now) }
        }
        if record.info != info { tellAgents(of: id) }
        answer(call, .done)
        announce { core in core.frameworkView(id).map { .frameworkUpdated($0) } }
    }
}
