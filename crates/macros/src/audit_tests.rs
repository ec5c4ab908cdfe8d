use quote::quote;

use super::*;
use crate::function::Style;

/// What is wrong with this attribute on this item.
#[track_caller]
fn fault(args: TokenStream, item: TokenStream) -> String {
    audit(args, item).expect_err("it should not be taken").to_string()
}

/// The tokens as text, spaced as they come.
fn expanded(args: TokenStream, item: TokenStream) -> String {
    audit(args, item).expect("it should be taken").to_string()
}

fn style(item: TokenStream) -> Style {
    syn::parse2::<Function>(item).expect("it is a function").style()
}

#[test]
fn functions_are_told_apart() {
    assert_eq!(
        style(quote!(
            fn f() -> Result<u8, E> {}
        )),
        Style::Sync
    );
    assert_eq!(
        style(quote!(
            async fn f() {}
        )),
        Style::Async
    );
    let opaque = Style::Future { boxed: false };
    assert_eq!(
        style(quote!(
            fn f() -> impl Future<Output = u8> + Send {}
        )),
        opaque
    );
    let boxed = Style::Future { boxed: true };
    assert_eq!(
        style(quote!(
            fn f() -> impl Unpin + std::future::Future<Output = u8> {}
        )),
        boxed
    );
    assert_eq!(
        style(quote!(
            fn f() -> Pin<Box<dyn Future<Output = ()> + 'a>> {}
        )),
        boxed
    );
    assert_eq!(
        style(quote!(
            fn f() -> futures::future::BoxFuture<'_, ()> {}
        )),
        boxed
    );
    assert_eq!(
        style(quote!(
            fn f() -> Box<dyn Iterator<Item = u8>> {}
        )),
        Style::Sync
    );
    let body = quote!(Box::pin(async move {}));
    let output = quote!(Pin<Box<dyn Future<Output = ()> + Send + 'async_trait>>);
    assert_eq!(style(quote!(fn f<'async_trait>() -> #output { #body })), Style::AsyncTrait);
    assert_eq!(style(quote!(fn f<'async_trait>() -> #output { other() })), boxed);
}

#[test]
fn bodies_need_not_be_understood() {
    let text = expanded(quote!(action = "a.b"), quote!(fn f() { half finished . }));
    assert!(text.contains("half finished ."), "{text}");
}

#[test]
fn the_signature_stays() {
    let item = quote!(
        #[inline]
        pub(crate) async fn f<'a, T: Clone>(&'a self, (a, b): (T, u8)) -> Option<&'a T>
        where
            T: Send,
        {
            None
        }
    );
    let signature = item.to_string();
    let signature = signature.trim_end_matches("{ None }");
    assert!(expanded(quote!(action = "a.b"), item).starts_with(signature));
}

#[test]
fn what_is_not_said_is_not_asked() {
    let text = expanded(
        quote!(action = "a.b"),
        quote!(
            fn f(password: &str) {}
        ),
    );
    assert_eq!(text.matches("password").count(), 1, "only the argument itself: {text}");
    assert!(!text.contains("let result"), "{text}");
}

#[test]
fn the_crate_can_be_another() {
    let item = || {
        quote!(
            fn f() {}
        )
    };
    assert!(expanded(quote!(action = "a.b"), item()).contains(":: indelible :: Call"));
    let text = expanded(quote!(action = "a.b", crate = "my::audit"), item());
    assert!(text.contains("my :: audit :: Call") && !text.contains("indelible"), "{text}");
}

#[test]
fn actions_are_checked() {
    let with = |action: &str| {
        audit(
            quote!(action = #action),
            quote!(
                fn f() {}
            ),
        )
    };
    for action in ["a", "backup.delete", "a_1.b2._c", &"a".repeat(128)] {
        assert!(with(action).is_ok(), "{action}");
    }
    for action in ["", ".", "a.", ".a", "a..b", "A", "a-b", "a b", "ä", &"a".repeat(129)] {
        assert!(with(action).is_err(), "{action}");
    }
    assert!(
        audit(
            quote!(action = self.name()),
            quote!(
                fn f() {}
            )
        )
        .is_ok()
    );
}

#[test]
fn each_key_stands_where_it_may() {
    let function = || {
        quote!(
            fn f() -> Result<(), E> {}
        )
    };
    assert!(fault(quote!(prefix = "a"), function()).contains("`action = …`"));
    assert!(fault(quote!(action = "a.b", details = 1), function()).contains("(key = value"));
    assert!(fault(quote!(action = "a.b", details(1)), function()).contains("a detail is"));
    assert!(fault(quote!(action = "a.b", skip_ok, intent), function()).contains("outcome"));
    assert!(fault(quote!(action = "a.b", crate = my::audit), function()).contains("path"));
    assert!(fault(quote!(action = "a.b", on_behalf_of = x), function()).contains("actor"));
    let block = || quote!(impl A {});
    assert!(fault(quote!(prefix = "A"), block()).contains("did you mean \"a\""));
    assert!(fault(quote!(prefix = "a", intent), block()).contains("on the method"));
}

#[test]
fn blocks_audit_what_is_public() {
    let text = expanded(
        quote!(prefix = "store"),
        quote!(
            impl Store {
                pub fn r#move(&self) {}
                pub(crate) fn near(&self) {}
                pub fn new() -> Store {}
                fn own(&self) {}
                #[audited(action = "x.y")]
                fn asked(&self) {}
                #[audited(skip)]
                pub fn left(&self) {}
            }
        ),
    );
    for action in ["store.move", "store.near", "x.y"] {
        assert!(text.contains(&format!("{action:?}")), "{action}: {text}");
    }
    assert_eq!(text.matches("Call :: begin").count(), 3, "{text}");
    assert!(!text.contains("# [audited"), "{text}");
}

#[test]
fn each_fault_of_a_block_is_told() {
    let error = audit(
        quote!(prefix = "store"),
        quote!(
            impl Store {
                pub const fn one(&self) {}
                #[audited(zebra)]
                fn two(&self) {}
            }
        ),
    );
    assert_eq!(error.expect_err("there are two").into_iter().count(), 2);
}
