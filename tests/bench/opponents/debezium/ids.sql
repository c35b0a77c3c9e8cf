CREATE TABLE ids (
    id       uuid PRIMARY KEY,
    sku      text   NOT NULL,
    location text   NOT NULL,
    quantity bigint NOT NULL,
    version  bigint NOT NULL
);
