//! Payments, shops, banks and ledgers.

use super::{Check, Rule, token};

#[rustfmt::skip] // a table: one rule a paragraph
pub(super) const RULES: &[Rule] = &[
    token("stripe-key", "Stripe secret key", &["sk_live_", "rk_live_", "sk_test_", "rk_test_", "sk_prod_", "rk_prod_"],
        r"(?P<shown>[sr]k_(?:live|test|prod)_)(?P<secret>[A-Za-z0-9]{16,250})"),
    token("stripe-webhook-secret", "Stripe webhook secret", &["whsec_"], r"(?P<shown>whsec_)(?P<secret>[A-Za-z0-9+/]{32,64}=?)"),
    token("square-token", "Square access token", &["sq0csp-", "sq0atp-"], r"(?P<shown>sq0(?:csp|atp)-)(?P<secret>[A-Za-z0-9_-]{22,43})"),
    token("square-access-token", "Square access token", &["EAAA"], r"(?P<shown>EAAA)(?P<secret>[A-Za-z0-9_-]{60})"),
    token("shopify-token", "Shopify token", &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"(?P<shown>shp(?:at|ca|pa|ss)_)(?P<secret>[0-9a-fA-F]{32})"),
    token("braintree-token", "Braintree access token", &["access_token$production$", "access_token$sandbox$"],
        r"(?P<shown>access_token\$(?:production|sandbox)\$)[0-9a-z]{16}\$(?P<secret>[0-9a-f]{32})"),
    token("plaid-token", "Plaid access token", &["access-sandbox-", "access-development-", "access-production-"],
        r"(?P<shown>access-(?:sandbox|development|production)-)(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"),
    token("adyen-key", "Adyen API key", &["AQE"],
        r"(?P<shown>AQE)(?P<secret>[a-z]{2}[A-Za-z0-9+/]{60,400}={0,2}-[A-Za-z0-9+/]{20,60}={0,2})"),
    token("razorpay-key", "Razorpay key id", &["rzp_live_", "rzp_test_"], r"(?P<shown>rzp_(?:live|test)_)(?P<secret>[A-Za-z0-9]{14})"),
    token("flutterwave-key", "Flutterwave secret key", &["FLWSECK-", "FLWSECK_TEST-"],
        r"(?P<shown>FLWSECK(?:_TEST)?-)(?P<secret>[0-9a-zA-Z]{12,36}(?:-X)?)"),
    token("gocardless-token", "GoCardless token", &["live_"], r"(?P<shown>live_)(?P<secret>[A-Za-z0-9_-]{40})"),
    token("duffel-token", "Duffel token", &["duffel_test_", "duffel_live_"], r"(?P<shown>duffel_(?:test|live)_)(?P<secret>[A-Za-z0-9_=-]{43})"),
    token("easypost-key", "EasyPost API key", &["EZAK", "EZTK"], r"(?P<shown>EZ[AT]K)(?P<secret>[A-Za-z0-9]{54})"),
    token("shippo-token", "Shippo token", &["shippo_live_", "shippo_test_"], r"(?P<shown>shippo_(?:live|test)_)(?P<secret>[0-9a-f]{40})"),
    token("paddle-key", "Paddle API key", &["pdl_live_apikey_", "pdl_sdbx_apikey_"],
        r"(?P<shown>pdl_(?:live|sdbx)_apikey_)(?P<secret>[0-9a-z]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3})"),
    token("polar-token", "Polar token", &["polar_oat_", "polar_pat_", "polar_at_u_", "polar_at_o_", "polar_whs_"],
        r"(?P<shown>polar_(?:oat|pat|at_[uo]|whs)_)(?P<secret>[A-Za-z0-9]{43,46})"),
    token("mercury-token", "Mercury token", &["mercury_production_", "mercury_sandbox_"],
        r"(?P<shown>mercury_(?:production|sandbox)_)(?P<secret>[A-Za-z0-9_]{30,90})"),
    token("checkout-com-key", "Checkout.com secret key", &["sk_sbox_"], r"(?P<shown>sk_sbox_)(?P<secret>[a-z2-7]{26})"),
    token("lob-key", "Lob API key", &["live_", "test_"], r"(?P<shown>(?:live|test)_)(?P<secret>[0-9a-f]{35})"),
    token("settlemint-token", "SettleMint token", &["sm_aat_", "sm_pat_", "sm_sat_"], r"(?P<shown>sm_[aps]at_)(?P<secret>[A-Za-z0-9]{16})"),
    token("gumroad-token", "Gumroad token", &["gumroad_access_token"], super::beside!("gumroad_access_token", "[A-Za-z0-9_-]{43}")).named(),
    token("coinbase-key", "Coinbase API secret", &["coinbase_api_secret", "coinbase_secret"],
        super::beside!("coinbase_(?:api_)?secret", "[A-Za-z0-9+/_-]{32,88}={0,2}")).named(),
    token("extended-private-key", "extended private key of a wallet", &["xprv", "tprv"],
        r"(?P<shown>)(?P<secret>[xt]prv[1-9A-HJ-NP-Za-km-z]{107})").check(Check::Base58),
    token("nostr-secret-key", "Nostr secret key", &["nsec1"], r"(?P<shown>nsec1)(?P<secret>[023456789acdefghjklmnpqrstuvwxyz]{58})")
        .check(Check::Bech32),
];
