//! From method and path to operation. Only operations of the contract can be mounted, and all of them must be.

use std::collections::BTreeSet;
use std::sync::Arc;

use companyos_types::ops::{self, Operation};
use companyos_types::problems;
use http::header::ALLOW;
use http::{HeaderValue, Method};

use super::contract::{Contract, ContractError, Rules};
use super::problem::Problem;
use super::routes::{Handler, Routes};
use super::settings::Mode;

/// A mounted operation.
pub(crate) struct Route {
    pub(crate) operation: &'static Operation,
    pub(crate) handler: Handler,
    pub(crate) rules: Arc<Rules>,
}

/// Every mounted operation, by path and method.
pub(crate) struct Router {
    paths: matchit::Router<Vec<Route>>,
}

/// A request's route and the raw values of its path parameters.
pub(crate) struct Match<'r, 'p> {
    pub(crate) route: &'r Route,
    pub(crate) params: matchit::Params<'r, 'p>,
}

impl Router {
    /// Mounts `routes`.
    ///
    /// # Errors
    /// When an operation is mounted twice, an operation of the contract is not mounted, or one is mounted that this mode
    /// does not have: the server must not start.
    pub(crate) fn new(routes: Routes, mode: Mode) -> Result<Self, ContractError> {
        check(&routes, mode)?;
        let contract = Contract::load()?;
        let mut paths: Vec<(String, Vec<Route>)> = Vec::new();
        for (operation, handler) in routes.entries {
            let rules = contract.rules(operation)?;
            let path = template(operation, &rules);
            let route = Route { operation, handler, rules };
            match paths.iter_mut().find(|(held, _)| *held == path) {
                Some((_, mounted)) => mounted.push(route),
                None => paths.push((path, vec![route])),
            }
        }
        let mut router = matchit::Router::new();
        for (path, mounted) in paths {
            let clash = |error| ContractError::Mounted(format!("{path}: {error}"));
            router.insert(path.clone(), mounted).map_err(clash)?;
        }
        Ok(Self { paths: router })
    }

    /// Finds the operation. HEAD is answered by GET (RFC 9110 section 9.3.2).
    ///
    /// # Errors
    /// 404 for an unknown path, 405 with `Allow` for a known one.
    pub(crate) fn find<'r, 'p>(&'r self, method: &Method, path: &'p str) -> Result<Match<'r, 'p>, Problem> {
        let Ok(found) = self.paths.at(path) else {
            return Err(Problem::new(&problems::NOT_FOUND).detail("There is nothing at this path."));
        };
        let wanted = if *method == Method::HEAD { "GET" } else { method.as_str() };
        match found.value.iter().find(|route| route.operation.method.as_str() == wanted) {
            Some(route) => Ok(Match { route, params: found.params }),
            None => Err(Problem::new(&problems::METHOD_NOT_ALLOWED).header(ALLOW, allow(found.value))),
        }
    }
}

/// What `Allow` names: the mounted methods, and HEAD wherever there is GET.
fn allow(routes: &[Route]) -> HeaderValue {
    let mut methods: BTreeSet<&str> = routes.iter().map(|route| route.operation.method.as_str()).collect();
    if methods.contains("GET") {
        methods.insert("HEAD");
    }
    let list: Vec<&str> = methods.into_iter().collect();
    HeaderValue::from_str(&list.join(", ")).unwrap_or(HeaderValue::from_static(""))
}

/// The path in the router's notation: the parameter that may hold slashes is a catch-all.
fn template(operation: &Operation, rules: &Rules) -> String {
    match &rules.rest {
        Some(name) => operation.path.replace(&format!("{{{name}}}"), &format!("{{*{name}}}")),
        None => operation.path.to_owned(),
    }
}

/// Refuses a set of operations that is not the contract's.
fn check(routes: &Routes, mode: Mode) -> Result<(), ContractError> {
    let wanted: BTreeSet<&str> = ops::ALL
        .iter()
        .filter(|operation| mode == Mode::Development || !operation.development_only)
        .map(|operation| operation.id)
        .collect();
    let mounted: BTreeSet<&str> = routes.entries.iter().map(|(operation, _)| operation.id).collect();
    let missing: Vec<_> = wanted.difference(&mounted).copied().collect();
    let surplus: Vec<_> = mounted.difference(&wanted).copied().collect();
    if !missing.is_empty() {
        return Err(ContractError::Mounted(format!("not mounted: {}", missing.join(", "))));
    }
    if !surplus.is_empty() {
        return Err(ContractError::Mounted(format!("not in this mode: {}", surplus.join(", "))));
    }
    if mounted.len() < routes.entries.len() {
        return Err(ContractError::Mounted("an operation is mounted twice".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::reply::Reply;

    fn all_but(left_out: &str) -> Routes {
        let mut routes = Routes::new();
        for operation in ops::ALL.iter().copied().filter(|operation| operation.id != left_out) {
            routes = routes.op(operation, |_| async { Ok(Reply::empty(http::StatusCode::OK)) });
        }
        routes
    }

    fn refusal(routes: Routes, mode: Mode) -> String {
        Router::new(routes, mode).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_server_does_not_start_unless_it_mounts_the_contract() {
        assert_eq!(refusal(all_but(""), Mode::Development), "");
        assert!(refusal(all_but("createTenant"), Mode::Development).contains("not mounted: createTenant"));
        assert!(refusal(all_but(""), Mode::Production).contains("not in this mode: createRetryTest"));
        let twice = all_but("").op(&ops::GET_META, |_| async { Ok(Reply::empty(http::StatusCode::OK)) });
        assert!(refusal(twice, Mode::Development).contains("mounted twice"));
    }

    #[test]
    fn paths_lead_to_their_operations() {
        let router = Router::new(all_but(""), Mode::Development).unwrap();
        let find = |method: Method, path: &str| {
            router.find(&method, path).map(|found| found.route.operation.id).map_err(|problem| problem.code())
        };
        assert_eq!(find(Method::GET, "/tenants/export"), Ok("exportTenants"));
        assert_eq!(find(Method::GET, "/tenants/tnt_1"), Ok("getTenant"));
        assert_eq!(find(Method::HEAD, "/tenants/tnt_1"), Ok("getTenant"));
        assert_eq!(find(Method::GET, "/logs/log_1/tile/0/x001/234.p/5"), Ok("getLogTile"));
        assert_eq!(find(Method::GET, "/logs/log_1/tile/entries/x001/234"), Ok("getLogEntries"));
        assert_eq!(find(Method::PUT, "/tenants"), Err("method-not-allowed"));
        for path in ["/", "/nope", "/tenants/", "/tenants/tnt_1/more", "//tenants"] {
            assert_eq!(find(Method::GET, path), Err("not-found"), "{path}");
        }
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let router = Router::new(all_but(""), Mode::Development).unwrap();
        let problem = router.find(&Method::PUT, "/tenants").err().unwrap();
        assert_eq!(problem.to_reply("req_1", None).header_value(&ALLOW).unwrap(), "GET, HEAD, POST");
    }
}
