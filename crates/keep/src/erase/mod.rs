mod again;
mod copies;
mod find;
mod model;
mod recorded;
mod spools;
mod strike;
mod subject;
